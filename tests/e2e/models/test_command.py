"""What `factory model` leaves in the registry is what admission asks for, and the pod that it prints is one that is admitted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from deployed import path_of
from signed import Signed, spec_of

from factory import cli
from factory.load import load_object
from factory.plan import Body, plan_factory

KEYS = {"root": {"kind": "Bootstrap"}, "vault": {"kind": "External", "address": "https://vault.mint.example:8200"}}


def with_keys(signed: Signed) -> Body:
    """The factory, with a vault that somebody else runs."""
    return spec_of(signed.registry, signed.keys) | {"keys": KEYS}


class Team:
    """Somebody with the stack file and the keys, who enters by the write door."""

    def __init__(self, signed: Signed, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.signed, self.folder, self.capture = signed, folder, capture
        self.stack = folder / "Pulumi.mint.yaml"
        self.stack.write_text(yaml.safe_dump({"config": {"ai-factory:spec": with_keys(signed)}}))

    def do(self, command: str, *words: str | Path) -> str:
        """What a command prints. Fails the test when it fails."""
        lab = self.signed.bench.lab
        door = ["--door", lab.registry_write, "--ca", str(lab.authority)]
        certificate = ["--client-certificate", str(lab.writer.certificate), "--client-key", str(lab.writer.key)]
        self.capture.readouterr()
        code = cli.main(["model", *command.split(), str(self.stack), *map(str, words), *door, *certificate])
        said = self.capture.readouterr()
        assert code == 0, said.err + said.out
        return said.out

    def push(self, version: str, **files: str) -> str:
        """A version, by digest."""
        folder = self.folder / version
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content)
        return f"fraud@{json.loads(self.do('push', 'fraud', folder, '--version', version, '--format', 'json'))['digest']}"

    def key(self, signer: str) -> list[str]:
        return ["--key", str(self.signed.keys[signer].private)]

    def pod(self, reference: str) -> list[Body]:
        """The ConfigMap and the pod that it prints."""
        images = ["--image", self.signed.image, "--loader", self.signed.image]
        return list(yaml.safe_load_all(self.do("pod", reference, "--as", "inference/server", *images)))


@pytest.fixture
def team(signed: Signed, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("PATH", str(signed.bench.lab.executable("cosign").parent), prepend=":")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COSIGN_PASSWORD", "")
    signed.deployed.factory = load_object(with_keys(signed))
    signed.deployed.plan = plan_factory(signed.deployed.factory)
    signed.deployed.apply()
    signed.settle()
    yield Team(signed, tmp_path, capsys)
    signed.deploy()


@pytest.mark.parametrize("sealed", [False, True])
def test_from_push_to_admission(team: Team, sealed: bool) -> None:
    """Each step is refused by admission until the last, and after it the printed pod is admitted, sealed or not."""
    files = (
        {"seal.json": '{"format": "age-encryption.org/v1", "wrapped": "vault:v1:none"}', "w.age": "noise"}
        if sealed
        else {"w.bin": "weights"}
    )
    reference = team.push(f"1.{int(sealed)}", **files)
    digest = reference.partition("@")[2]

    def refusal() -> str:
        answer = team.signed.mount(digest)
        return "" if answer.status_code == 201 else str(answer.json()["message"])

    assert "needs a signature by" in refusal()
    team.do("sign", reference, *team.key("release"))
    assert "needs a validation that PASSED" in refusal()
    team.do("attest training", reference, "--by", "training/trainer", *team.key("release"))
    team.do("attest validation", reference, "--suite", team.stack, *team.key("judge"))
    assert "needs a promotion that PASSED" in refusal()
    team.do("promote", reference, "--approver", "staff:alice", *team.key("release"))
    trust, pod = team.pod(reference)
    assert [container["name"] for container in pod["spec"]["initContainers"]] == ["loader"]
    assert ("weights" in {volume["name"] for volume in pod["spec"]["volumes"]}) == sealed
    for body in (trust, pod):
        answer = team.signed.ask(body)
        assert answer.status_code == 201, f"{path_of(body)}: {answer.text}"
