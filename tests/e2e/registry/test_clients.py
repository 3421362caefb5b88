"""The clients that people use, at the doors as they are planned: oras moves a model, cosign signs it, anybody verifies it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import Door, Pki, Registry

from factory.plan.registry import READ, WRITE
from lab.console import Console
from lab.toolchain import provide


@dataclass
class Desk:
    """A place to work at: a folder, both doors, the programs, a writer's certificate."""

    folder: Path
    pki: Pki
    write: Door
    read: Door
    programs: dict[str, Path]
    pair: tuple[Path, Path]

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A program, without anything of the test's own environment."""
        variables = {"PATH": "/bin:/usr/bin", "HOME": str(self.folder), "COSIGN_PASSWORD": "", "COSIGN_YES": "true"}
        command = [str(self.programs[program]), *arguments]
        return subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=120, check=False)

    def oras(self, verb: str, door: Door, reference: str, *more: str, certified: bool = True) -> subprocess.CompletedProcess[str]:
        """oras at a door."""
        trust = ("--ca-file", str(self.pki.servers.certificate))
        client = ("--cert-file", str(self.pair[0]), "--key-file", str(self.pair[1])) if certified else ()
        return self.run("oras", verb, *trust, *client, f"127.0.0.1:{door.port}/fraud{reference}", *more)

    def cosign(self, verb: str, door: Door, digest: str, *more: str, certified: bool = True) -> subprocess.CompletedProcess[str]:
        """cosign at a door."""
        trust = ("--registry-cacert", str(self.pki.servers.certificate))
        client = ("--registry-client-cert", str(self.pair[0]), "--registry-client-key", str(self.pair[1])) if certified else ()
        return self.run("cosign", verb, *trust, *client, *more, f"127.0.0.1:{door.port}/fraud@{digest}")


@pytest.fixture
def desk(registry: Registry, pki: Pki, tmp_path: Path) -> Desk:
    """With weights of a model, and a key pair to sign it."""
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights" * 100_000)
    programs = provide(Console.silent(), ("oras", "cosign"))
    desk = Desk(folder, pki, registry.open(WRITE), registry.open(READ), programs, pki.writers.issue("trainer"))
    for made in (desk.run("cosign", "generate-key-pair"), desk.run("cosign", "signing-config", "create", "--out", "services.json")):
        assert made.returncode == 0, made.stderr
    return desk


def test_from_a_push_to_a_verified_pull(desk: Desk) -> None:
    """Pushed and signed at the write door, pulled and verified at the read door without a certificate; neither program minds that nothing
    can be deleted, nor TLS 1.3."""
    pushed = desk.oras(
        "push", desk.write, ":v1", "weights.bin:application/vnd.cncf.model.weight.v1.raw", "--format", "go-template={{.digest}}"
    )
    assert pushed.returncode == 0, pushed.stderr
    digest = pushed.stdout.strip()
    offline = ("--key", "cosign.pub", "--insecure-ignore-tlog")
    unsigned = desk.cosign("verify", desk.read, digest, *offline, certified=False)
    assert unsigned.returncode != 0
    signed = desk.cosign("sign", desk.write, digest, "--key", "cosign.key", "--signing-config", "services.json")
    assert signed.returncode == 0, signed.stderr
    verified = desk.cosign("verify", desk.read, digest, *offline, certified=False)
    assert verified.returncode == 0, verified.stderr
    (desk.folder / "weights.bin").unlink()
    pulled = desk.oras("pull", desk.read, f"@{digest}", certified=False)
    assert pulled.returncode == 0, pulled.stderr
    assert (desk.folder / "weights.bin").read_bytes() == b"weights" * 100_000


def test_neither_pushes_nor_signs_where_it_may_not(desk: Desk) -> None:
    """At the read door with a certificate, and at the write door without one."""
    layer = "weights.bin:application/vnd.cncf.model.weight.v1.raw"
    pushed = desk.oras("push", desk.write, ":v1", layer, "--format", "go-template={{.digest}}")
    assert pushed.returncode == 0, pushed.stderr
    key = ("--key", "cosign.key", "--signing-config", "services.json")
    for door, certified in ((desk.read, True), (desk.write, False)):
        again = desk.oras("push", door, ":v2", layer, "--annotation", "second=yes", certified=certified)
        assert again.returncode != 0, again.stdout
        assert desk.cosign("sign", door, pushed.stdout.strip(), *key, certified=certified).returncode != 0
    assert desk.oras("pull", desk.read, ":v2", certified=False).returncode != 0
