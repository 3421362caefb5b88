"""A team that works with models: its programs, on loopback, over TLS, and the commands that it types."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from factory import cli
from lab.certificate import KeyPair

SIGNERS = ("release", "judge", "trainer", "stranger")
SPEC = (Path(__file__).parent / "factory.yaml").read_text()
DATA = "sha256:" + "7" * 64


@dataclass
class Process:
    """A program that runs on loopback until the test is over."""

    command: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        with self.log.open("a") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, env={**os.environ, **self.environment})

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def await_(self, ready: Callable[[], bool]) -> None:
        for _ in range(300):
            assert self._process.poll() is None, self.log.read_text()[-2000:]
            try:
                if ready():
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(self.log.read_text()[-2000:])


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Registry:
    """Both doors over one store."""

    write: str
    read: str
    ca: Path
    writer: KeyPair
    stranger: KeyPair
    store: Path
    processes: dict[str, Process]

    @property
    def door(self) -> list[str]:
        """The write door, with the certificate that opens it."""
        return ["--ca", str(self.ca), "--client-certificate", str(self.writer.certificate), "--client-key", str(self.writer.key)]

    def client(self) -> httpx2.Client:
        trusted = ssl.create_default_context(cafile=str(self.ca))
        trusted.load_cert_chain(self.writer.certificate, self.writer.key)
        return httpx2.Client(verify=trusted, base_url=f"https://{self.write}/v2/")


@dataclass
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Team:
    """Somebody with a stack file, keys, and a folder to work in."""

    folder: Path
    stack: Path
    keys: dict[str, Path]
    capture: pytest.CaptureFixture[str]
    door: list[str]

    def run(self, *arguments: str | Path) -> Answer:
        """One `factory model` command, in this process."""
        self.capture.readouterr()
        code = cli.main(["model", *map(str, arguments)])
        said = self.capture.readouterr()
        assert "Traceback" not in said.err + said.out
        return Answer(code, said.out, said.err)

    def do(self, command: str, *arguments: str | Path) -> Answer:
        """A command on the registry, by the write door, which must succeed."""
        answer = self.ask(command, *arguments)
        assert answer.code == 0, answer.err + answer.out
        return answer

    def ask(self, command: str, *arguments: str | Path) -> Answer:
        return self.run(*command.split(), self.stack, *arguments, *self.door)

    def refused(self, command: str, *arguments: str | Path) -> str:
        """A command that must fail with one clear error, which is returned."""
        answer = self.ask(command, *arguments)
        assert answer.code == 1, answer.out
        lines = answer.err.strip().splitlines()
        assert lines[-1].startswith("factory: "), answer.err
        assert not any(line.startswith("factory: ") for line in lines[:-1])
        return lines[-1]

    def model(self, name: str = "weights", **files: bytes) -> Path:
        """A tiny model: a linear one, by least squares over eight points, and what describes it."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        points = [(x, 3 * x + 1) for x in range(8)]
        count, sx, sy = len(points), sum(x for x, _ in points), sum(y for _, y in points)
        slope = (count * sum(x * y for x, y in points) - sx * sy) / (count * sum(x * x for x, _ in points) - sx * sx)
        (folder / "model.json").write_text(json.dumps({"slope": slope, "intercept": (sy - slope * sx) / count}))
        (folder / "README.md").write_text(f"A line, {name}.")
        (folder / "tokenizer").mkdir(exist_ok=True)
        (folder / "tokenizer" / "vocab.json").write_text("{}")
        for file, content in files.items():
            (folder / file).write_bytes(content)
        return folder

    def push(self, version: str, model: str = "fraud", *more: str | Path, **files: bytes) -> str:
        """Pushes a model of its own and returns how it is named by digest."""
        folder = self.model(f"{model}-{version}", **files)
        answer = self.do("push", model, folder, "--version", version, "--format", "json", *more)
        return f"{model}@{answer.json['digest']}"

    def key(self, signer: str) -> list[str]:
        return ["--key", str(self.keys[signer])]

    def release(self, version: str) -> str:
        """A model that has come as far as to be promoted."""
        reference = self.push(version)
        self.do("sign", reference, *self.key("release"))
        self.do("attest training", reference, "--by", "training/trainer", "--dataset", f"claims@{DATA}", *self.key("trainer"))
        self.do("attest validation", reference, "--suite", self.stack, "--test", "accuracy", *self.key("judge"))
        return reference


def make_key(path: Path) -> str:
    """A private key on P-256 in a file, and its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*plain))
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def write_stack(path: Path, registry: str, public: dict[str, str], change: Callable[[dict[str, Any]], None] | None = None) -> None:
    """The stack file, with a registry's address and keys."""
    spec = yaml.safe_load(SPEC.replace("REGISTRY", registry))
    for signer in spec["signers"]:
        signer["publicKeys"] = [public[signer["name"]]]
    if change is not None:
        change(spec)
    path.write_text(yaml.safe_dump({"config": {"ai-factory:spec": spec}}, sort_keys=False))
