"""`apply.sh` against a vault that runs already: an OpenBao in memory, which stands for somebody else's."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from deployed import wait_until
from plan.golden import STACKS

from factory.load import load_object
from factory.plan import plan_factory
from factory.plan.vault import find_uses
from factory.render import render
from lab.certificate import Authority
from lab.console import Console
from lab.toolchain import provide

ROOT = "the-root-token-of-somebody-else"
SPEC: dict[str, Any] = yaml.safe_load(STACKS["dev"].read_text())["config"]["ai-factory:spec"]
SPEC["keys"] = {"root": {"kind": "Bootstrap"}, "vault": {"kind": "External", "address": "https://vault.helix.example:8200"}}


@pytest.fixture(scope="module")
def bao() -> Path:
    return provide(Console.silent(), {"bao"})["bao"]


@pytest.fixture(scope="module")
def address(bao: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A vault with something of its own in it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    command = [str(bao), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT}", f"-dev-listen-address=127.0.0.1:{port}"]
    log = tmp_path_factory.mktemp("vault") / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env={"PATH": os.environ["PATH"], "HOME": str(log.parent)})
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx2.get(f"{address}/v1/sys/health", trust_env=False).status_code == 200
        except httpx2.HTTPError:
            return False

    try:
        wait_until(answers, "the vault answers")
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def ask(address: str) -> Iterator[Callable[..., Any]]:
    with httpx2.Client(base_url=f"{address}/v1/", headers={"X-Vault-Token": ROOT}, trust_env=False) as http:

        def ask(method: str, path: str, body: Any = None) -> Any:
            answer = http.request(method, path, json=body)
            assert answer.status_code in (200, 204, 404), answer.text
            return answer.json().get("data") if answer.status_code == 200 else None

        yield ask


def apply(bao: Path, address: str, spec: dict[str, Any], folder: Path, **more: str) -> None:
    render(plan_factory(load_object(deepcopy(spec))), folder)
    assert sorted(path.name for path in (folder / "vault").iterdir()) == ["apply.sh", "policies"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "BAO": str(bao), "BAO_ADDR": address, "BAO_TOKEN": ROOT, **more}
    done = subprocess.run(["sh", str(folder / "vault/apply.sh")], env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ROOT not in done.stdout + done.stderr


def test_applied_to_somebody_elses_vault(bao: Path, address: str, ask: Callable[..., Any], tmp_path: Path) -> None:
    """All keys, policies and roles of the spec are there afterwards, and what others have there is untouched; with a grant gone its role
    and policy are gone, and with the factory's policies changed by hand they are put right."""
    ask("POST", "sys/policies/acl/theirs", {"policy": "# theirs"})
    ask("POST", "sys/policies/acl/helix2.training.notebook", {"policy": "# of another factory"})
    ask("POST", "sys/mounts/transit", {"type": "transit"})
    authority = Authority(tmp_path, "authority").pair.certificate.read_text()
    kubernetes = {"KUBERNETES_HOST": "https://10.0.0.1:6443", "KUBERNETES_CA_CERT": authority, "TOKEN_REVIEWER_JWT": "a.b.c"}
    apply(bao, address, SPEC, tmp_path / "first", **kubernetes)
    uses = list(find_uses(load_object(deepcopy(SPEC))))
    workloads = {use.workload for use in uses}
    keys = {f"dataset-{it['name']}" for it in SPEC["datasets"]} | {f"model-{it['name']}" for it in SPEC["models"]}
    assert set(ask("LIST", "helix/transit/keys")["keys"]) == keys
    assert set(ask("LIST", "auth/helix/kubernetes/role")["keys"]) == {workload.replace("/", ".") for workload in workloads}
    policies = {name for name in ask("LIST", "sys/policies/acl")["keys"] if name.startswith("helix.")}
    assert policies == {f"helix.{workload.replace('/', '.')}" for workload in workloads}
    assert ask("GET", "auth/helix/kubernetes/config")["kubernetes_host"] == "https://10.0.0.1:6443"
    key = ask("GET", "helix/transit/keys/model-fraud")
    assert (key["deletion_allowed"], key["exportable"], key["auto_rotate_period"]) == (False, False, 720 * 3600)

    ask("POST", "sys/policies/acl/helix.scoring.fraud-server", {"policy": 'path "*" { capabilities = ["update"] }'})
    less = deepcopy(SPEC)
    next(workload for workload in less["workloads"] if workload["name"] == "notebook").pop("reads")
    apply(bao, address, less, tmp_path / "second")
    assert "training.notebook" not in ask("LIST", "auth/helix/kubernetes/role")["keys"]
    assert ask("GET", "sys/policies/acl/helix.training.notebook") is None
    assert '"*"' not in ask("GET", "sys/policies/acl/helix.scoring.fraud-server")["policy"]
    assert ask("GET", "auth/helix/kubernetes/config")["kubernetes_host"] == "https://10.0.0.1:6443", "said once"
    assert ask("GET", "sys/policies/acl/theirs")["policy"] == "# theirs"
    assert ask("GET", "sys/policies/acl/helix2.training.notebook")["policy"] == "# of another factory"
