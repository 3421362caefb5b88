"""OpenBao in a lab: the configuration that a product renders, made to fit this machine.

It initialises and unseals itself; nobody ever sees a root token. What only a cluster has (a Service, mounted Secrets, volumes) the lab
replaces: each setting by its name, wherever it stands.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.api import Api
from lab.certificate import KeyPair
from lab.errors import LabError
from lab.state import State, write
from lab.toolchain import HERE

SERVER, FIRST = "server.json", "first.json"
"""What every member of a raft runs on, and what the first runs on beside it: it founds the raft and initialises itself."""
PREFIX = "/etc/openbao"
SEAL = "static"
SEAL_KEY = 32
"""Bytes of its key (AES-256)."""
REVIEWER = "/api/v1/namespaces/kube-system/serviceaccounts/openbao-token-reviewer/token"
YEAR = 365 * 24 * 3600


def install(directory: Path, state: State) -> None:
    """Copy *directory* into the lab's state: `server.json`, `first.json`, and beside them what these name under `/etc/openbao`.

    The copy's name is the digest of its content, and it is where OpenBao keeps its data: another configuration begins anew.

    Raises LabError: no such folder or file, one that is not JSON, or a seal that opens nowhere but in a cloud.
    """
    files = {path.relative_to(directory): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
    for name in (SERVER, FIRST):
        if Path(name) not in files:
            raise LabError(f"{directory} holds no {name}: give the folder with OpenBao's configuration that was rendered")
    seals = [kind for each in _blocks(_read(directory / SERVER).get("seal", [])) for kind in each]
    if seals != [SEAL]:
        raise LabError(f"{directory / SERVER}: the lab opens a seal `{SEAL}` and no other; here it is {', '.join(seals) or 'absent'}")
    _read(directory / FIRST)
    target = folder(state) / hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    for each in folder(state).glob("*"):
        if each != target:
            shutil.rmtree(each)
    for path, data in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(target / path, data)


def home(state: State) -> Path:
    """Where OpenBao keeps its data. Raises LabError: no configuration was ever given."""
    found = next(iter(folder(state).glob("*")), None)
    if found is None:
        raise LabError("OpenBao has no configuration to run on: give the folder with one with --vault DIR")
    return found


def folder(state: State) -> Path:
    return state.folder / "openbao"


def arguments(state: State) -> tuple[str, ...]:
    return "server", *(f"-config={home(state) / 'lab' / name}" for name in (SERVER, FIRST))


def audit_log(state: State) -> Path:
    return state.logs / "openbao-audit.log"


def write_configuration(state: State, ports: Mapping[str, int], pair: KeyPair) -> None:
    """What OpenBao runs on here: the rendered configuration with this machine's addresses and files.

    Data of a first start that did not come to its end is removed: self-initialisation is never taken up again.
    """
    here = home(state)
    if not initialised(state).exists():
        shutil.rmtree(here / "data", ignore_errors=True)
    for path in (here / "data", here / "lab"):
        path.mkdir(exist_ok=True, mode=0o700)
    if not (here / "seal.key").exists():
        write(here / "seal.key", secrets.token_bytes(SEAL_KEY))
    settings = {
        "address": f"127.0.0.1:{ports['https']}",
        "cluster_address": f"127.0.0.1:{ports['cluster']}",
        "tls_cert_file": str(pair.certificate),
        "tls_key_file": str(pair.key),
        "current_key": f"file://{here / 'seal.key'}",
        "file_path": str(audit_log(state)),
    }
    for name in (SERVER, FIRST):
        content = json.loads((here / name).read_text().replace(PREFIX, str(here)))
        _replace(content, settings)
        for storage in _blocks(content.get("storage", [])):
            storage |= {"raft": {"path": str(here / "data"), "performance_multiplier": 1}}  # alone, it need not wait to elect itself
        write(here / "lab" / name, json.dumps(content, indent=2))


def initialised(state: State) -> Path:
    """Exists once OpenBao has come up for the first time."""
    return home(state) / "initialised"


def environment(api: Api, ports: Mapping[str, int], api_server: str, authority: Path) -> dict[str, str]:
    """The variables by which OpenBao learns its own address, and a configuration which Kubernetes signs workloads in and as whom to ask it.

    With that token one may ask whose a token is, and nothing else. It is good for a year, as the lab's certificates are.
    """
    api.apply_all(HERE / "openbao" / "reviewer.yaml")
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": YEAR}}
    return {
        "BAO_API_ADDR": f"https://127.0.0.1:{ports['https']}",
        "BAO_CLUSTER_ADDR": f"https://127.0.0.1:{ports['cluster']}",
        "BAO_RAFT_NODE_ID": "lab",
        "KUBERNETES_HOST": api_server,
        "KUBERNETES_CA_CERT": authority.read_text(),
        "TOKEN_REVIEWER_JWT": str(api.create(REVIEWER, request)["status"]["token"]),
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise LabError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise LabError(f"{path} is no JSON object: it must hold OpenBao's settings by name")
    return content


def _blocks(value: Any) -> list[dict[str, Any]]:
    """HCL's blocks as JSON has them: one, or a list of them."""
    return value if isinstance(value, list) else [value]


def _replace(value: Any, settings: Mapping[str, str]) -> None:
    """Give every one of *settings* that stands in *value* this machine's value."""
    if isinstance(value, list):
        for each in value:
            _replace(each, settings)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in settings and isinstance(each, str):
                value[name] = settings[name]
            else:
                _replace(each, settings)
