"""What stands between mounted files and a server: who signed them, and who may read them, with the real OpenBao."""

from __future__ import annotations

import json
import os
import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from team import DATA, Answer, Process, Registry, Team, free_port, make_key, write_stack

from factory.load import load_stack
from factory.model.artifact import read_artifact
from factory.model.errors import ModelError
from factory.model.registry import Door, Repository
from factory.model.seal import seal, unseal
from factory.model.vault import sign_in
from factory.plan.vault.policy import find_policies
from factory.plan.vault.use import find_keys

pytestmark = pytest.mark.lab

CHUNK = 64 * 1024
"""What age encrypts at a time, and authenticates with 16 bytes more."""


@dataclass
class Bao:
    """OpenBao with the factory's keys and policies. Tokens of ServiceAccounts are the test's own: there is no cluster here."""

    address: str
    ca: Path
    root: httpx2.Client
    issuer: Path
    folder: Path

    def token(self, workload: str, audience: str = "openbao") -> Path:
        """The token of a workload's ServiceAccount."""
        path = self.folder / f"{workload.replace('/', '.')}.{audience}.jwt"
        now = datetime.now(UTC)
        life = {"iat": now, "nbf": now - timedelta(minutes=1), "exp": now + timedelta(minutes=10)}
        claims = {"sub": workload, "aud": audience, **life}
        path.write_text(jwt.encode(claims, self.issuer.read_bytes(), algorithm="ES256"))
        return path

    def as_(self, workload: str) -> list[str]:
        """The words by which a command signs in as a workload."""
        return ["--vault", self.address, "--vault-ca", str(self.ca), "--as", workload, "--token", str(self.token(workload))]

    def session(self, workload: str) -> Any:
        role = workload.replace("/", ".")
        return sign_in(self.address, "helix/transit", "helix/kubernetes", role, self.token(workload), self.ca)


@pytest.fixture(scope="session")
def bao(programs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, keys: tuple[dict[str, Path], dict[str, str]]) -> Iterator[Bao]:
    """The keys and policies that the plan gives to the spec's workloads."""
    folder = tmp_path_factory.mktemp("bao")
    (certificates := folder / "tls").mkdir()
    port = free_port()
    listen = f"-dev-listen-address=127.0.0.1:{port}"
    command = [
        str(programs["bao"]),
        "server",
        "-dev-tls",
        f"-dev-tls-cert-dir={certificates}",
        listen,
        "-dev-root-token-id=root",
        "-dev-no-store-token",
    ]
    process = Process(command, folder / "log", {"HOME": str(folder)})
    process.start()
    try:
        ca = certificates / "vault-ca.pem"
        process.await_(ca.exists)
        address = f"https://127.0.0.1:{port}"
        with httpx2.Client(
            verify=ssl.create_default_context(cafile=str(ca)), base_url=f"{address}/v1/", headers={"X-Vault-Token": "root"}
        ) as root:
            process.await_(lambda: root.get("sys/health").status_code == 200)
            issuer = folder / "issuer.key"
            public = make_key(issuer)
            write_stack(stack := folder / "Pulumi.helix.yaml", "127.0.0.1:1", keys[1], held)
            factory = load_stack(stack).factory
            tell(root, "sys/mounts/helix/transit", {"type": "transit"})
            for key in find_keys(factory):
                tell(root, f"helix/transit/keys/{key}", {"type": "ecdsa-p256" if key.startswith("signer-") else "aes256-gcm96"})
            tell(root, "sys/auth/helix/kubernetes", {"type": "jwt"})
            tell(root, "auth/helix/kubernetes/config", {"jwt_validation_pubkeys": [public]})
            for policy, text in find_policies(factory).items():
                tell(root, f"sys/policies/acl/{policy}", {"policy": text})
            for workload in factory.workloads:
                role = {
                    "role_type": "jwt",
                    "bound_audiences": ["openbao"],
                    "bound_subject": workload.reference,
                    "user_claim": "sub",
                    "token_policies": [f"helix.{workload.segment}.{workload.name}"],
                    "token_no_default_policy": True,
                }
                tell(root, f"auth/helix/kubernetes/role/{workload.segment}.{workload.name}", role)
            yield Bao(address, ca, root, issuer, folder)
    finally:
        process.stop()


def tell(root: httpx2.Client, path: str, data: dict[str, Any]) -> None:
    answer = root.post(path, json=data)
    assert answer.status_code in (200, 204), answer.text


def held(spec: dict[str, Any]) -> None:
    """Keys of signers are with workloads that produce nothing."""
    spec["signers"][0]["workload"] = "evaluation/judge"


def mount(team: Team, registry: Registry, reference: str) -> Path:
    """The files of an image volume, as a node mounts them."""
    folder = team.folder / "mounted"
    shutil.rmtree(folder, ignore_errors=True)
    with Repository(f"{registry.write}/models/fraud", Door(registry.ca, registry.writer.certificate, registry.writer.key)) as repository:
        for file in read_artifact(repository, reference.partition("@")[2]).files:
            (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.name).write_bytes(repository.fetch(file.digest))
    return folder


def trust(team: Team, registry: Registry, reference: str, *more: str) -> tuple[list[str], dict[str, Any]]:
    """What the loader needs beside the files, and the pod, as `factory model pod` gives them."""
    import yaml

    images = ("--image", "registry.helix.example/apps/server@" + DATA, "--loader", "registry.helix.example/apps/loader@" + DATA)
    trusted, pod = yaml.safe_load_all(team.do("pod", reference, "--as", "inference/server", *images, *more).out)
    words = []
    for name, content in trusted["data"].items():
        (team.folder / name).write_text(content)
        words += ["--signature" if name == "model.sig" else "--public-key", str(team.folder / name)]
    return words, pod


def load(team: Team, folder: Path, *words: str | Path) -> tuple[Answer, dict[str, Any]]:
    """The loader's run, and its verdict, which is on standard output and in the pod's status alike."""
    message = team.folder / "termination-log"
    answer = team.run("load", "fraud", folder, "--message", message, *words)
    verdict = json.loads(answer.out)
    assert json.loads(message.read_text()) == verdict
    assert (answer.code == 0) == (verdict["verdict"] == "Loaded")
    return answer, verdict


def released(team: Team, version: str, *more: str | Path, **files: bytes) -> str:
    reference = team.push(version, "fraud", *more, **files)
    team.do("sign", reference, *team.key("release"))
    team.do("attest training", reference, "--by", "training/trainer", *team.key("trainer"))
    team.do("attest validation", reference, "--suite", team.stack, *team.key("judge"))
    team.do("promote", reference, "--approver", "staff:alice", *team.key("release"))
    return reference


CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a changed file": (lambda folder: (folder / "model.json").write_text("{}"), "model.json was changed"),
    "a file too many": (lambda folder: (folder / "evil.py").write_text(""), "evil.py is not signed"),
    "a hidden file too many": (lambda folder: (folder / ".gitignore").write_text(""), ".gitignore is not signed"),
    "a file too few": (lambda folder: (folder / "README.md").unlink(), "README.md is missing"),
    "a file with another name": (lambda folder: (folder / "README.md").rename(folder / "READ.md"), "READ.md is not signed"),
    "a link": (lambda folder: ((folder / "model.json").unlink(), (folder / "model.json").symlink_to("/etc/hostname")), "symlink"),
    "no files": (lambda folder: shutil.rmtree(folder), "cannot be read"),
}


def test_the_loader(team: Team, registry: Registry) -> None:
    """It lets through what was signed, and refuses every change, with the reason in the pod's status."""
    reference = released(team, "loaded")
    words, pod = trust(team, registry, reference)
    assert pod["spec"]["volumes"][0]["image"]["reference"] == f"{registry.write}/models/{reference}"
    _, verdict = load(team, mount(team, registry, reference), *words)
    assert verdict == {"model": "fraud", "verdict": "Loaded", "because": "signed", "signer": "release-0.pub", "files": 3}
    for name, (change, why) in CHANGES.items():
        change(folder := mount(team, registry, reference))
        _, verdict = load(team, folder, *words)
        assert (verdict["verdict"], why in verdict["because"]) == ("Refused", True), (name, verdict)
    folder = mount(team, registry, reference)
    (stranger := team.folder / "stranger.pub").write_text(load_stack(team.stack).factory.signer["stranger"].public_keys[0])
    _, verdict = load(team, folder, *words[:2], "--public-key", stranger)
    assert (verdict["verdict"], "are not what was signed" in verdict["because"]) == ("Refused", True)
    for broken in ("", "{}", "not json"):
        (signature := team.folder / "broken.sig").write_text(broken)
        _, verdict = load(team, folder, "--signature", signature, *words[2:])
        assert verdict["verdict"] == "Refused"
    _, verdict = load(team, folder, *words, "--into", team.folder / "into")
    assert (verdict["verdict"], "is not sealed" in verdict["because"]) == ("Refused", True)


def test_sealed(team: Team, registry: Registry, bao: Bao) -> None:
    """The producer seals, the server reads, and nobody else; what lies in the registry is noise, and no key is printed."""
    secret = b"the weights themselves " * 10_000
    reference = released(team, "sealed", "--seal", *bao.as_("training/trainer"), **{"model.safetensors": secret})
    words, pod = trust(team, registry, reference, "--vault", bao.address)
    folder = mount(team, registry, reference)
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {
        "seal.json",
        "README.md.age",
        "model.json.age",
        "model.safetensors.age",
        "vocab.json.age",
    }
    assert not any(secret[:20] in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    into = team.folder / "into"
    as_server = ["--into", str(into), "--factory", "helix", *bao.as_("inference/server")]
    command = pod["spec"]["initContainers"][0]["command"]
    assert [word for word in command if word.startswith("--") and word not in ("--token",)] == [
        "--signature",
        "--public-key",
        "--into",
        "--factory",
        "--as",
        "--vault",
    ]
    answer, verdict = load(team, folder, *words, *as_server)
    assert verdict == {"model": "fraud", "verdict": "Loaded", "because": "signed and unsealed", "signer": "release-0.pub", "files": 4}
    plain = team.folder / "fraud-sealed"
    assert {path.relative_to(into): path.read_bytes() for path in into.rglob("*") if path.is_file()} == {
        path.relative_to(plain): path.read_bytes() for path in plain.rglob("*") if path.is_file()
    }
    assert "AGE-SECRET-KEY" not in answer.out + answer.err + (folder / "seal.json").read_text()
    shutil.rmtree(into)
    for workload, why in (
        ("training/trainer", "403"),
        ("training/notebook", "403"),
        ("evaluation/nobody", "refuses auth/helix/kubernetes/login"),
    ):
        _, verdict = load(team, folder, *words, "--into", into, "--factory", "helix", *bao.as_(workload))
        assert (verdict["verdict"], why in verdict["because"]) == ("Refused", True), verdict
        assert not into.exists() or not list(into.iterdir())
    other = ["--token", bao.token("inference/server", "kubernetes")]
    _, verdict = load(team, folder, *words, *as_server, *other)
    assert verdict["verdict"] == "Refused"
    _, verdict = load(team, folder, *words)
    assert "is sealed: say where to unseal it" in verdict["because"]
    data = bytearray((folder / "model.safetensors.age").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors.age").write_bytes(data)
    _, verdict = load(team, folder, *words, *as_server)
    assert "model.safetensors.age was changed" in verdict["because"]
    assert not into.exists() or not list(into.iterdir())


def test_only_the_producer_seals(team: Team, bao: Bao) -> None:
    """Whoever does not produce the model cannot put anything under its key."""
    said = team.refused("push", "fraud", team.model(), "--version", "forged", "--seal", *bao.as_("training/notebook"))
    assert "refuses helix/transit/encrypt/model-fraud: 403" in said
    assert "it follows from `produces` and `serves` of the spec" in said


def test_a_sealed_push_goes_on(team: Team, bao: Bao, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sealed before the break is what is sent after it, so that nothing goes twice; and only ciphertext ever waits on disk."""
    folder = team.model("again", **{"model.safetensors": b"plain words " * 100_000})
    given = ("push", "fraud", folder, "--version", "again", "--seal", *bao.as_("training/trainer"))
    publish = Repository.publish

    def break_off(*_: Any) -> str:
        raise ModelError("broken off")

    monkeypatch.setattr(Repository, "publish", break_off)
    assert "broken off" in team.refused(*given)
    waiting = [path for path in (team.folder / "state").rglob("*") if path.is_file()]
    assert waiting
    assert not any(b"plain words" in path.read_bytes() or b"AGE-SECRET-KEY" in path.read_bytes() for path in waiting)
    monkeypatch.setattr(Repository, "publish", publish)
    again = team.do(*given, "--format", "json").json
    assert again["sent"] == 0
    assert not list((team.folder / "state").rglob("sealed/*"))


def cut(data: bytes, header: int, *chunks: int) -> bytes:
    """An age file of these chunks of another."""
    whole = CHUNK + 16
    parts = [data[header + number * whole : header + (number + 1) * whole] for number in range((len(data) - header) // whole + 1)]
    return data[:header] + b"".join(parts[number] for number in chunks)


DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "a bit of the first chunk": lambda data, header: data[: header + 5] + bytes([data[header + 5] ^ 1]) + data[header + 6 :],
    "a bit of the last chunk": lambda data, header: data[:-1] + bytes([data[-1] ^ 1]),
    "two chunks swapped": lambda data, header: cut(data, header, 1, 0, 2, 3),
    "a chunk twice": lambda data, header: cut(data, header, 0, 0, 1, 2, 3),
    "a chunk left out": lambda data, header: cut(data, header, 0, 2, 3),
    "cut off between chunks": lambda data, header: cut(data, header, 0, 1, 2),
    "cut off in a chunk": lambda data, header: data[:-100],
    "something behind it": lambda data, header: data + b"more",
    "nothing but its head": lambda data, header: data[:header],
    "empty": lambda data, header: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_ciphertext(team: Team, bao: Bao, damage: str) -> None:
    """Each kind of damage is found out by the encryption itself, whatever the signature says, and nothing readable is left."""
    plain, sealed, into = (team.folder / name for name in ("plain", "ciphered", "into"))
    plain.mkdir()
    (plain / "a.json").write_text("{}")
    (plain / "weights.bin").write_bytes(os.urandom(CHUNK) * 3 + b"the end")
    seal(plain, sealed, "fraud", bao.session("training/trainer"), lambda label, size: lambda more: None)
    assert unseal(sealed, into, "fraud", bao.session("inference/server")) == 2
    assert (into / "weights.bin").read_bytes() == (plain / "weights.bin").read_bytes()
    shutil.rmtree(into)
    data = (sealed / "weights.bin.age").read_bytes()
    header = len(data) - 3 * (CHUNK + 16) - (len(b"the end") + 16)
    (sealed / "weights.bin.age").write_bytes(DAMAGES[damage](data, header))
    with pytest.raises(ModelError, match=r"cannot be unsealed: it was changed or cut off"):
        unseal(sealed, into, "fraud", bao.session("inference/server"))
    assert list(into.iterdir()) == []


def test_keys_in_openbao_sign(team: Team, registry: Registry, bao: Bao, keys: tuple[dict[str, Path], dict[str, str]]) -> None:
    """Signature, files, bill and attestations by keys that never leave OpenBao, each by the workload that holds it, in Production."""
    public = {name: _public(bao, name) for name in ("release", "judge", "trainer")}

    def production(spec: dict[str, Any]) -> None:
        held(spec)
        spec["posture"] = "Production"

    write_stack(team.stack, registry.write, {**keys[1], **public}, production)
    reference = team.push("vaulted")
    judge, trainer = bao.as_("evaluation/judge"), bao.as_("training/trainer")
    team.do("sign", reference, "--key", "hashivault://signer-release", *judge)
    team.do("attest training", reference, "--by", "training/trainer", "--key", "hashivault://signer-trainer", *trainer)
    team.do("attest validation", reference, "--suite", team.stack, "--key", "hashivault://signer-judge", *judge)
    team.do("promote", reference, "--approver", "staff:alice", "--key", "hashivault://signer-release", *judge)
    assert team.do("verify", reference).out.count("  ok  ") == 6
    said = team.refused("sign", reference, "--key", "hashivault://signer-release", *trainer)
    assert "cosign cannot use hashivault://signer-release" in said
    session = bao.session("evaluation/judge")
    assert session.token not in said
    assert session.token not in repr(session)


def _public(bao: Bao, signer: str) -> str:
    found = bao.root.get(f"helix/transit/keys/signer-{signer}").json()["data"]["keys"]["1"]["public_key"]
    key = serialization.load_pem_public_key(found.encode())
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
