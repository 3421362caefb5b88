"""cosign, as a program: who signs, who has signed, and what is attested of a digest. All of it offline but for the registry.

A signature and an attestation are both Sigstore bundles (v0.3) that refer to the digest. cosign, like Kyverno, takes any bundle of a key
for a signature; so a signature is asked for by its own type, and an attestation about something else never counts as one.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.spec import Keyless, Signer

from .errors import ModelError
from .registry import Door

SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
"""Predicate type of a signature as a bundle (cosign 3)."""
SLOWEST = 300
"""Seconds that one call may take."""
SCHEMES = ("hashivault://", "awskms://", "azurekms://", "gcpkms://", "pkcs11:")
"""Keys that stay where they are: cosign asks whoever keeps them to sign."""

EVER = "start-time=2000-01-01T00:00:00Z"
"""Since when a Fulcio or a Rekor of the spec is trusted: its certificates say themselves. cosign's own default is this very moment."""

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signing:
    """A key, or an identity, that is ready to sign."""

    flags: list[str]
    """What cosign is told."""
    public_key: str = ""
    """The public half of the key, PEM."""
    signer: str = ""
    """The signer whose identity it is, where there is no key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who is known by what an organisation's own Sigstore says of them."""

    subject: str
    issuer: str
    trusted_root: Path
    """That Sigstore: `trusted_root.json`."""

    @property
    def flags(self) -> list[str]:
        """How cosign is told to believe them, and nobody else."""
        who = ["--certificate-identity", self.subject, "--certificate-oidc-issuer", self.issuer]
        return [*who, "--trusted-root", str(self.trusted_root), "--insecure-ignore-sct"]  # the organisation's Fulcio has no certificate log


class Cosign:
    """The program, and the door by which it enters the registry. Raises ModelError: it is not on PATH."""

    def __init__(self, door: Door, vault: dict[str, str] | None = None) -> None:
        found = shutil.which("cosign")
        if found is None:
            raise ModelError(
                'cosign is not on PATH, and it makes and checks signatures. Install cosign 3, or use the lab\'s: eval "$(lab env)".'
            )
        self._program = found
        self._vault = vault or {}
        self._token = ""
        flags = (("--registry-cacert", door.ca), ("--registry-client-cert", door.certificate), ("--registry-client-key", door.key))
        self._door = [part for flag, path in flags if path for part in (flag, str(path))]

    def sign(self, reference: str, signing: Signing) -> None:
        """Signs a digest. Raises ModelError."""
        self._run("sign", "--yes", *signing.flags, *self._door, reference, doing=f"sign {reference}")

    def attest(self, reference: str, predicate_type: str, predicate: dict[str, Any], signing: Signing) -> None:
        """Attests something of a digest. Raises ModelError."""
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            path = Path(folder) / "predicate.json"
            path.write_text(json.dumps(predicate))
            told = ("--type", predicate_type, "--predicate", str(path))
            self._run("attest", "--yes", *told, *signing.flags, *self._door, reference, doing=f"attest {predicate_type} of {reference}")

    def sign_bytes(self, data: bytes, signing: Signing) -> bytes:
        """A signature over some bytes (ECDSA with SHA-256, ASN.1). Raises ModelError."""
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            content, bundle = Path(folder) / "content", Path(folder) / "bundle.json"
            content.write_bytes(data)
            self._run("sign-blob", "--yes", *signing.flags, "--bundle", str(bundle), str(content), doing="sign")
            try:
                return base64.b64decode(json.loads(bundle.read_text())["messageSignature"]["signature"])
            except (OSError, ValueError, KeyError, TypeError):
                raise ModelError("cosign writes a bundle without a signature. Use cosign 3.") from None

    def sign_statement(self, statement: bytes, signing: Signing) -> bytes:
        """A bundle around an in-toto statement that goes to no registry. Raises ModelError."""
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            content, bundle = Path(folder) / "statement.json", Path(folder) / "bundle.json"
            content.write_bytes(statement)
            self._run("attest-blob", "--yes", *signing.flags, "--statement", str(content), "--bundle", str(bundle), doing="sign")
            return bundle.read_bytes()

    def read_statement(self, bundle: bytes, predicate_type: str, signer: Signer) -> Statement | None:
        """The statement in a bundle, if a signer has signed it, in whatever way."""
        with tempfile.TemporaryDirectory(prefix="factory-") as folder, self._trusting(signer) as ways:
            path = Path(folder) / "bundle.json"
            path.write_bytes(bundle)
            return next((found for way in ways if (found := self._read(path, predicate_type, way)) is not None), None)

    def read_statement_of(self, identity: Identity, bundle: Path, predicate_type: str) -> Statement | None:
        """The same, of an identity; writes no file, and asks nobody."""
        return self._read(bundle, predicate_type, identity.flags)

    def trusted_root(self, keyless: Keyless) -> str:
        """A Sigstore trusted root (JSON): the organisation's Fulcio and Rekor. Raises ModelError."""
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            return self._trusted_root(Path(folder), keyless).read_text()

    def _read(self, bundle: Path, predicate_type: str, way: list[str]) -> Statement | None:
        told = ("verify-blob-attestation", "--check-claims=false", "--type", predicate_type, *way, "--bundle", str(bundle))
        if self._call(*told).returncode:
            return None
        return _statement(json.dumps(json.loads(bundle.read_bytes())["dsseEnvelope"]))

    def statements(self, reference: str, predicate_type: str, signer: Signer) -> list[Statement]:
        """What a signer attests of a digest, in no order; nothing where none verifies. Raises ModelError: cosign cannot say."""
        found: list[Statement] = []
        with self._trusting(signer) as ways:
            for way in ways:
                told = ("verify-attestation", "--type", predicate_type, *way, *self._door, reference)
                answer = self._call(*told)
                if answer.returncode == 0:
                    found += [_statement(line) for line in answer.stdout.splitlines() if line.startswith("{")]
                elif not _none(answer.stderr):
                    raise ModelError(f"cosign cannot check {reference}: {self._quote(answer.stderr)}")
        return [one for one in found if one.get("predicateType") == predicate_type]

    @contextmanager
    def signing(self, key: str) -> Iterator[Signing]:
        """How to sign with a key: a PEM file, cosign's own, or the URI of whoever keeps it. Raises ModelError: it cannot be used."""
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            flags, public = self._services(Path(folder)), Path(folder) / "key.pub"
            if key.startswith(SCHEMES) or _is_cosign_key(key):
                public.write_text(self._run("public-key", "--key", key, doing=f"use {key}"))
            else:
                prefix = str(public.with_suffix(""))
                self._run("import-key-pair", "--key", key, "--output-key-prefix", prefix, doing=f"use the key in {key}")
                key = f"{prefix}.key"
            yield Signing(["--key", key, *flags], public.read_text())

    @contextmanager
    def signing_as(self, signer: Signer, token: Path) -> Iterator[Signing]:
        """How a signer signs without a key, by an identity token (JWT) in a file. Raises ModelError: no identity in the spec, or no token.

        cosign makes a key for this once, and asks the organisation's Fulcio for a certificate of it and its Rekor for an entry. What it
        makes, it checks by the roots and the Rekor of the spec before it goes anywhere.
        """
        if signer.keyless is None:
            raise ModelError(f"{signer.name} signs with a key, and has no keyless in the spec. Use --key, or name a signer that has.")
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            self._token = _read_token(token)
            kept = Path(folder) / "token"  # without the newline that most files end in, which no HTTP header may hold
            kept.touch(mode=0o600)
            kept.write_text(self._token)
            flags = self._services(Path(folder), signer.keyless)
            yield Signing(["--identity-token", str(kept), *flags], signer=signer.name)

    def _services(self, folder: Path, keyless: Keyless | None = None) -> list[str]:
        """Whom cosign asks when it signs: the organisation's Sigstore, or nobody. Told nothing, it would ask the public one."""
        config = folder / "signing-config.json"
        told: list[str] = []
        if keyless is not None:
            since = f"api-version=1,{EVER},operator=own"
            told = ["--fulcio", f"url={keyless.fulcio},{since}", "--rekor", f"url={keyless.rekor},{since}", "--rekor-config", "ANY"]
        self._run("signing-config", "create", *told, "--out", str(config), doing="make a signing config")
        return ["--signing-config", str(config), "--trusted-root", str(self._trusted_root(folder, keyless))]

    @contextmanager
    def _trusting(self, signer: Signer) -> Iterator[list[list[str]]]:
        """Ways to check what a signer has signed: one for each of its keys."""
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            if signer.keyless is not None:
                yield [self._trust_identity(Path(folder), signer.keyless)]
                return
            ways = []
            for number, key in enumerate(signer.public_keys):
                path = Path(folder) / f"{number}.pub"
                path.write_text(key)
                ways.append(["--key", str(path), "--insecure-ignore-tlog"])  # a key that the spec pins needs no log
            yield ways

    def _trust_identity(self, folder: Path, keyless: Keyless) -> list[str]:
        return Identity(keyless.subject, keyless.issuer, self._trusted_root(folder, keyless)).flags

    def _trusted_root(self, folder: Path, keyless: Keyless | None) -> Path:
        trusted = folder / "trusted-root.json"
        told: list[str] = []
        if keyless is not None:
            roots, log = folder / "roots.pem", folder / "rekor.pub"
            roots.write_text(keyless.roots)
            log.write_text(keyless.rekor_key)
            told = ["--fulcio", f"url={keyless.fulcio},certificate-chain={roots},{EVER}"]
            told += ["--rekor", f"url={keyless.rekor},public-key={log},{EVER}"]
        self._run("trusted-root", "create", *told, "--out", str(trusted), doing="trust the organisation's Sigstore")
        return trusted

    def _run(self, *arguments: str, doing: str) -> str:
        answer = self._call(*arguments)
        if answer.returncode:
            raise ModelError(f"cosign cannot {doing}: {self._quote(answer.stderr)}")
        return answer.stdout

    def _quote(self, stderr: str) -> str:
        """What cosign says, without the identity token, which a service may have sent back."""
        return _said(stderr.replace(self._token, "…") if self._token else stderr)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"COSIGN_PASSWORD": "", **os.environ, **self._vault}
        command = [self._program, *arguments]
        try:
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SLOWEST, stdin=subprocess.DEVNULL)  # noqa: S603 - no shell
        except (subprocess.TimeoutExpired, OSError) as error:
            why = "it did not end" if isinstance(error, subprocess.TimeoutExpired) else str(error)
            raise ModelError(f"cosign {arguments[0]} failed: {why}. Try it again.") from None


def _is_cosign_key(path: str) -> bool:
    """Whether a file is a key as cosign keeps it, under the password in COSIGN_PASSWORD."""
    try:
        return Path(path).read_text()[:100].startswith(("-----BEGIN ENCRYPTED SIGSTORE", "-----BEGIN ENCRYPTED COSIGN"))
    except (OSError, UnicodeDecodeError):
        return False


def _read_token(path: Path) -> str:
    """An identity token. What is none is not sent to anybody."""
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ModelError(f"{path} cannot be read: {why}. Put an identity token there, or say where it is: --identity-token FILE.") from None
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII):
        raise ModelError(f"{path} does not hold an identity token: a JWT of your issuer, for the audience that your Fulcio asks for.")
    return token


def _statement(line: str) -> Statement:
    try:
        found = json.loads(base64.b64decode(json.loads(line)["payload"]))
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, dict):
        raise ModelError("cosign prints something that is not an in-toto statement. Use cosign 3.")
    return found


def _none(stderr: str) -> bool:
    """Whether cosign found nothing that verifies, and not a registry that it could not ask."""
    return any(
        words in stderr for words in ("no matching attestations", "no signatures found", "none of the attestations matched", "no valid")
    )


def _said(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("Error:", "error"))] or lines
    return (errors[-1].removeprefix("Error:").strip() if errors else "it gives no reason")[:500] + "."
