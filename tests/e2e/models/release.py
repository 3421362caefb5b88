"""A tiny real model on its way from training to serving: made, pushed, signed, attested, on real programs."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab import Lab

VALIDATION = "https://in-toto.io/attestation/test-result/v0.1"
PROMOTION = "https://slsa.dev/verification_summary/v1"


def train(seed: int) -> dict[str, list[float]]:
    """Logistic regression on made-up claims, by gradient descent: another seed, other weights."""
    rng = random.Random(seed)
    claims = [(x := (rng.gauss(0, 1), rng.gauss(0, 1)), float(x[0] + 2 * x[1] > 0)) for _ in range(200)]
    weights = [0.0, 0.0]
    for _ in range(50):
        for x, fraud in claims:
            error = fraud - 1 / (1 + math.exp(-sum(w * v for w, v in zip(weights, x, strict=True))))
            weights = [w + 0.1 * error * v for w, v in zip(weights, x, strict=True)]
    right = sum((sum(w * v for w, v in zip(weights, x, strict=True)) > 0) == bool(fraud) for x, fraud in claims)
    assert right > 190, "it has learned nothing"
    return {"weights": weights}


@dataclass(frozen=True)
class Key:
    """A key pair of somebody who signs."""

    private: Path
    public: str


@dataclass
class Bench:
    """Where models are made and signed: a folder, and the way into the registry's write door."""

    lab: Lab
    folder: Path
    made: int = 0

    @cached_property
    def environment(self) -> dict[str, str]:
        """No key has a password, and no registry credentials of the user's are read."""
        return {**os.environ, "COSIGN_PASSWORD": "", "HOME": str(self.folder), "DOCKER_CONFIG": str(self.folder)}

    @cached_property
    def offline(self) -> Path:
        """A signing config that names no service."""
        path = self.folder / "signing-config.json"
        self.cosign("signing-config", "create", "--out", str(path))
        return path

    def key(self, name: str) -> Key:
        """A new key pair."""
        self.cosign("generate-key-pair", "--output-key-prefix", name)
        return Key(self.folder / f"{name}.key", (self.folder / f"{name}.pub").read_text())

    def run(self, program: str, *arguments: str) -> str:
        """What a program prints. Fails the test when it fails."""
        command = [str(self.lab.executable(program)), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def cosign(self, *arguments: str) -> str:
        """cosign."""
        return self.run("cosign", *arguments)

    def oras(self, command: Sequence[str], *arguments: str) -> str:
        """oras, by the write door."""
        writer = self.lab.writer
        door = ("--ca-file", str(self.lab.authority), "--cert-file", str(writer.certificate), "--key-file", str(writer.key))
        return self.run("oras", *command, *door, *arguments)

    def push(self, repository: str, tag: str = "v1", content: Mapping[str, Any] | None = None) -> str:
        """A new artifact, like no other. Its digest."""
        self.made += 1
        weights, config = self.folder / "weights.json", self.folder / "config.json"
        weights.write_text(json.dumps(content or train(self.made)))
        config.write_text(json.dumps({"architecture": "amd64", "os": "linux", "name": repository, "version": f"{self.made}"}))
        where, kind = f"{self.lab.registry_write}/{repository}:{tag}", "application/vnd.cncf.model.config.v1+json"
        self.oras(("push",), "--config", f"config.json:{kind}", where, "weights.json:application/vnd.cncf.model.weight.v1.raw")
        return self.digest(repository, tag)

    def digest(self, repository: str, tag: str) -> str:
        """What a tag says now."""
        return self.oras(("resolve",), f"{self.lab.registry_write}/{repository}:{tag}").strip()

    def sign(self, repository: str, digest: str, key: Key) -> None:
        """A signature."""
        self.cosign("sign", *self._signing(key), f"{self.lab.registry_write}/{repository}@{digest}")

    def attest(self, repository: str, digest: str, kind: str, predicate: Mapping[str, Any], key: Key) -> None:
        """An attestation."""
        path = self.folder / "predicate.json"
        path.write_text(json.dumps(predicate))
        told = ("--type", kind, "--predicate", str(path))
        self.cosign("attest", *told, *self._signing(key), f"{self.lab.registry_write}/{repository}@{digest}")

    def _signing(self, key: Key) -> tuple[str, ...]:
        writer = self.lab.writer
        door = ("--registry-cacert", str(self.lab.authority), "--registry-client-cert", str(writer.certificate))
        return ("--yes", "--key", str(key.private), "--signing-config", str(self.offline), *door, "--registry-client-key", str(writer.key))
