"""The loader in front of a sealed model, by tokens of real ServiceAccounts and the OpenBao that the plan configures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from test_openbao import Vault, vault

from factory import cli
from factory.model.artifact import Artifact, File, find_files
from factory.model.oms import sign_files
from factory.model.registry import digest
from factory.model.seal import seal
from factory.model.vault import sign_in

__all__ = ["vault"]


@pytest.fixture
def sealed(vault: Vault, tmp_path: Path) -> Path:
    """A model that its producer has sealed and somebody has signed, as a node mounts it."""
    (plain := tmp_path / "plain").mkdir()
    (plain / "model.json").write_text('{"slope": 3}')
    seal(plain, tmp_path / "model", "fraud", session(vault, tmp_path, "training/fraud-trainer"), lambda label, size: lambda more: None)
    files = tuple(
        File(path.relative_to(tmp_path / "model").as_posix(), digest(path.read_bytes()), 0) for path in find_files(tmp_path / "model")
    )
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "release.pub").write_bytes(public)
    artifact = Artifact("registry.helix.example/models/fraud", digest(b""), "fraud", "1", (), (), files)
    signature = sign_files(artifact, public.decode(), lambda data: key.sign(data, ec.ECDSA(hashes.SHA256())))
    (tmp_path / "model.sig").write_bytes(signature)
    return tmp_path


def token(vault: Vault, folder: Path, workload: str) -> Path:
    segment, _, name = workload.partition("/")
    (path := folder / f"{segment}.{name}").write_text(vault.account_token(f"helix-{segment}", name))
    return path


def session(vault: Vault, folder: Path, workload: str):  # type: ignore[no-untyped-def]
    role = workload.replace("/", ".")
    return sign_in(vault.lab.openbao, "helix/transit", "helix/kubernetes", role, token(vault, folder, workload), vault.lab.authority)


@pytest.mark.parametrize(
    ("workload", "verdict", "because"),
    [
        ("scoring/fraud-server", "Loaded", "signed and unsealed"),
        ("training/fraud-trainer", "Refused", "refuses helix/transit/decrypt/model-fraud: 403"),
        ("training/notebook", "Refused", "403"),
    ],
)
def test_loads_as_who_serves(
    vault: Vault, sealed: Path, capsys: pytest.CaptureFixture[str], workload: str, verdict: str, because: str
) -> None:
    """Whoever serves the model reads it; not who made it, not their neighbour; and a refusal leaves nothing behind."""
    words = ["--signature", sealed / "model.sig", "--public-key", sealed / "release.pub", "--into", sealed / "into", "--factory", "helix"]
    words += ["--vault", vault.lab.openbao, "--vault-ca", vault.lab.authority, "--as", workload]
    words += ["--token", token(vault, sealed, workload), "--message", sealed / "termination-log"]
    capsys.readouterr()
    code = cli.main(["model", "load", "fraud", str(sealed / "model"), *map(str, words)])
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], because in said["because"], code) == (verdict, True, int(verdict == "Refused")), said
    left = list((sealed / "into").rglob("*")) if (sealed / "into").exists() else []
    assert [path.read_text() for path in left] == (['{"slope": 3}'] if verdict == "Loaded" else [])
