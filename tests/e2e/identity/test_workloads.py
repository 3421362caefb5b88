"""Each workload of the dev stack before a real SPIRE: the right process gets its identity, every other gets none.

There is no kubelet in a lab, so nobody can attest pods. The entries are those that `factory render` writes, each with its pod's selectors
(namespace, ServiceAccount, label) replaced by those of a process (its executable and user).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from cryptography import x509
from deployed import own_lab
from plan.golden import STACKS

from factory.load import load_object
from factory.plan import plan_factory
from factory.render import render
from factory.spec import Workload
from lab import Lab
from lab import spire as lab_spire

SPEC = yaml.safe_load(STACKS["dev"].read_text())["config"]["ai-factory:spec"]
SPEC["identity"] = SPEC.get("identity", {}) | {"workloads": {"spire": {"svidLife": "30m", "tokenLife": "3m"}}}
FACTORY = load_object(SPEC)
WORKLOADS = [pytest.param(workload, id=workload.reference) for workload in FACTORY.workloads]


class Spire:
    """A lab's SPIRE, and processes that ask it who they are."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.agent = shutil.which("spire-agent", path=str(lab.state.bin))

    def server(self, *arguments: str, check: bool = True) -> str:
        """What `spire-server` says to its operator."""
        command = [
            str(self.lab.state.bin / "spire-server"),
            *arguments,
            "-socketPath",
            str(lab_spire.socket(self.lab.state, "spire-server")),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def create(self, entries: list[dict[str, Any]]) -> list[str]:
        """Registers entries, and returns their ids."""
        file = self.folder / f"{uuid4().hex}.json"
        file.write_text(json.dumps({"entries": entries}))
        made = json.loads(self.server("entry", "create", "-data", str(file), "-output", "json"))
        assert all(result["status"]["message"] == "OK" for result in made["results"]), made
        return [result["entry"]["id"] for result in made["results"]]

    def executable(self, name: str) -> Path:
        """A program of that name. It is SPIRE's own client, since what counts is who asks."""
        path = self.folder / name
        if not path.exists():
            assert self.agent
            shutil.copy(Path(self.agent).resolve(), path)
        return path

    def ask(self, name: str, kind: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What the agent answers to a process of the program."""
        socket = str(lab_spire.socket(self.lab.state, "spire-agent"))
        command = [str(self.executable(name)), "api", "fetch", kind, "-socketPath", socket, "-timeout", "3s", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def svids(self, name: str) -> list[x509.Certificate]:
        """Every SVID that a process of the program gets, each checked to be signed by SPIRE's own root."""
        target = self.folder / f"svids-{name}"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        self.ask(name, "x509", "-write", str(target))
        found = [x509.load_pem_x509_certificate(path.read_bytes()) for path in sorted(target.glob("svid.*.pem"))]
        (root,) = x509.load_pem_x509_certificates(self.server("bundle", "show").encode())
        for certificate in found:
            certificate.verify_directly_issued_by(root)
        return found


def name_of(workload: Workload) -> str:
    return f"{workload.segment}.{workload.name}"


def spiffe_id_of(certificate: x509.Certificate) -> list[str]:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.UniformResourceIdentifier
    )


def eventually(true: Any, what: str) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, f"after 20 s still not: {what}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def spire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spire]:
    """A lab with SPIRE, for the stack's trust domain."""
    with own_lab() as lab:
        lab.up(trust_domain=FACTORY.trust_domain)
        yield Spire(lab, tmp_path_factory.mktemp("workloads"))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The entries that `factory render` writes: that of the nodes first."""
    folder = tmp_path_factory.mktemp("rendered")
    render(plan_factory(FACTORY), folder)
    entries: list[dict[str, Any]] = json.loads((folder / "spire" / "entries.json").read_text())["entries"]
    return entries


@pytest.fixture(scope="module")
def registered(spire: Spire, rendered: list[dict[str, Any]]) -> dict[str, str]:
    """The entries with selectors of processes; their ids by the workload's reference."""
    nodes, *entries = rendered
    spire.create([nodes | {"selectors": [{"type": "x509pop", "value": "subject:cn:spire-node"}]}])
    for entry, workload in zip(entries, sorted(FACTORY.workloads, key=lambda workload: workload.reference), strict=True):
        assert entry["spiffe_id"].endswith(f"/segment/{workload.segment}/workload/{workload.name}")
        path = spire.executable(name_of(workload))
        entry["selectors"] = [{"type": "unix", "value": f"path:{path}"}, {"type": "unix", "value": f"uid:{os.getuid()}"}]
    ids = spire.create(entries)
    last = max(FACTORY.workloads, key=lambda workload: workload.reference)
    eventually(lambda: spire.svids(name_of(last)), "the agent knows of the last entry")
    return dict(zip(sorted(workload.reference for workload in FACTORY.workloads), ids, strict=True))


def test_server_takes_the_rendered_file_as_it_is(spire: Spire, rendered: list[dict[str, Any]]) -> None:
    """`spire-server entry create -data spire/entries.json` registers every workload once, with its namespace, ServiceAccount and label."""
    ids = spire.create(rendered)
    try:
        shown = json.loads(spire.server("entry", "show", "-output", "json"))["entries"]
        found = {entry["spiffe_id"]["path"]: {f"{each['type']}:{each['value']}" for each in entry["selectors"]} for entry in shown}
        for workload in FACTORY.workloads:
            selectors = {
                f"k8s:ns:{FACTORY.name}-{workload.segment}",
                f"k8s:sa:{workload.name}",
                f"k8s:pod-label:ai-factory.dev/workload:{workload.name}",
            }
            assert found.pop(f"/segment/{workload.segment}/workload/{workload.name}") == selectors
        assert found == {f"/cluster/{FACTORY.name}": {f"k8s_psat:cluster:{FACTORY.name}"}}
    finally:
        for entry in ids:
            spire.server("entry", "delete", "-entryID", entry)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_workload_gets_its_identity_and_no_other(spire: Spire, registered: dict[str, str], workload: Workload) -> None:
    """One SVID, signed by SPIRE, with the workload's SPIFFE ID, for as long as the spec says."""
    (svid,) = spire.svids(name_of(workload))
    assert spiffe_id_of(svid) == [f"spiffe://{FACTORY.trust_domain}/segment/{workload.segment}/workload/{workload.name}"]
    life = svid.not_valid_after_utc - svid.not_valid_before_utc
    # SPIRE dates an SVID back by ten seconds, for clocks that are behind.
    assert timedelta(minutes=29) <= life <= timedelta(minutes=30, seconds=15)


def test_workload_gets_a_token_for_the_audience_that_it_asks_for(spire: Spire, registered: dict[str, str]) -> None:
    """A JWT-SVID names the workload and the audience, and ends when the spec says."""
    workload = FACTORY.workloads[0]
    answer = spire.ask(name_of(workload), "jwt", "-audience", "vault", "-output", "json")
    assert answer.returncode == 0, answer.stderr
    (token,) = [svid["svid"] for part in json.loads(answer.stdout) for svid in part.get("svids", [])]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"] == f"spiffe://{FACTORY.trust_domain}/segment/{workload.segment}/workload/{workload.name}"
    assert claims["aud"] in ("vault", ["vault"])
    assert claims["exp"] - claims["iat"] <= 180


def test_a_stranger_gets_nothing(spire: Spire, registered: dict[str, str]) -> None:
    """The same program and the same user under another path: neither SVID nor token."""
    assert spire.svids("stranger") == []
    for kind, arguments in (("x509", ()), ("jwt", ("-audience", "vault"))):
        answer = spire.ask("stranger", kind, *arguments)
        assert answer.returncode != 0
        assert "no identity issued" in answer.stdout + answer.stderr


def test_a_workload_is_not_a_node(spire: Spire, registered: dict[str, str]) -> None:
    """Nodes prove themselves by an authority of their own: SPIRE's root, which signs workloads, is not it."""
    (root,) = x509.load_pem_x509_certificates(spire.server("bundle", "show").encode())
    nodes = x509.load_pem_x509_certificate((spire.lab.state.pki / "nodes.crt").read_bytes())
    assert nodes.public_key() != root.public_key()


def test_a_revoked_workload_gets_no_new_identity(spire: Spire, registered: dict[str, str]) -> None:
    """Without its entry it gets nothing, within seconds; the others still do."""
    first, second = sorted(FACTORY.workloads, key=lambda workload: workload.reference)[:2]
    assert spire.svids(name_of(first))
    spire.server("entry", "delete", "-entryID", registered[first.reference])
    eventually(lambda: not spire.svids(name_of(first)), "the revoked workload gets nothing")
    assert spire.svids(name_of(second))
