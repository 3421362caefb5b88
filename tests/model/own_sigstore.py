"""A stand-in for an organisation's own Sigstore: what cosign asks of Fulcio and of Rekor, over TLS on loopback, and no more."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.certificate import KeyPair

ISSUER = "https://login.helix.example"
ISSUERS = ("1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8")
"""Fulcio's extensions that name the issuer: as it is, and as DER UTF8String."""
ORIGIN = "rekor.helix.example"
"""Who signs the log."""
MINUTES = datetime.timedelta(minutes=10)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _compact(value: Any) -> bytes:
    """Canonical JSON of ASCII strings and whole numbers (RFC 8785)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass
class Sigstore:
    """Fulcio, which believes the tokens that it made itself, and Rekor, each of whose entries is a tree of its own."""

    url: str = ""
    authority: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    log: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    talkative: bool = False
    """Whether Fulcio's refusals repeat the token that it was sent."""

    def __post_init__(self) -> None:
        now = datetime.datetime.now(datetime.UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fulcio")])
        key = self.authority.public_key()
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.root = (
            x509.CertificateBuilder(name, name, key, x509.random_serial_number(), now - MINUTES, now + 60 * MINUTES)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .sign(self.authority, hashes.SHA256())
        )

    def keyless(self, subject: str) -> dict[str, str]:
        """The signer of the spec that somebody is."""
        return {
            "issuer": ISSUER,
            "subject": subject,
            "fulcio": self.url,
            "roots": self.root.public_bytes(serialization.Encoding.PEM).decode(),
            "rekor": self.url,
            "rekorKey": self._log_key(serialization.Encoding.PEM).decode(),
            "tuf": "https://tuf.helix.example",
            "tufRoot": _encode(b'{"signed": {}}'),
        }

    def token(self, subject: str) -> str:
        """An identity token of somebody."""
        claims = {"iss": ISSUER, "sub": subject, "email": subject, "email_verified": True, "aud": "sigstore"}
        parts = ({"alg": "RS256"}, claims)
        body = ".".join(base64.urlsafe_b64encode(_compact(part)).decode().rstrip("=") for part in parts)
        token = f"{body}.{secrets.token_urlsafe(32)}"
        self.tokens[token] = subject
        return token

    def answer(self, path: str, authorization: str, request: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
        self.asked.append(path)
        if path == "/api/v2/signingCert":
            token = authorization.removeprefix("Bearer ")
            if token not in self.tokens:
                return 401, {"message": f"bad token {token}" if self.talkative else "bad token"}, ""
            chain = [one.public_bytes(serialization.Encoding.PEM).decode() for one in (self._issue(self.tokens[token], request), self.root)]
            return 200, {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}, ""
        if path == "/api/v1/log/entries":
            named, entry = self._write(request)
            return 201, {named: entry}, named
        return 404, {}, ""

    def _issue(self, subject: str, request: dict[str, Any]) -> x509.Certificate:
        asked = request["publicKeyRequest"]
        key = serialization.load_pem_public_key(asked["publicKey"]["content"].encode())
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(base64.b64decode(asked["proofOfPossession"]), subject.encode(), ec.ECDSA(hashes.SHA256()))
        now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=5)
        name = x509.SubjectAlternativeName([x509.RFC822Name(subject)])
        builder = (
            x509.CertificateBuilder(self.root.subject, x509.Name([]), key, x509.random_serial_number(), now, now + MINUTES)
            .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), critical=False)
            .add_extension(name, critical=True)
        )
        der = b"\x0c" + bytes([len(ISSUER)]) + ISSUER.encode()
        for oid, value in zip(ISSUERS, (ISSUER.encode(), der), strict=True):
            builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
        return builder.sign(self.authority, hashes.SHA256())

    def _write(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert request["kind"] == "dsse"
        proposed = request["spec"]["proposedContent"]
        envelope = json.loads(proposed["envelope"])
        [signature], [verifier] = envelope["signatures"], proposed["verifiers"]
        body = _compact(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(proposed["envelope"].encode()).hexdigest()},
                    "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(base64.b64decode(envelope["payload"])).hexdigest()},
                    "signatures": [{"signature": signature["sig"], "verifier": verifier}],
                },
            }
        )
        log, leaf = hashlib.sha256(self._log_key(serialization.Encoding.DER)), hashlib.sha256(b"\0" + body)
        entry: dict[str, Any] = {
            "body": _encode(body),
            "integratedTime": int(datetime.datetime.now(datetime.UTC).timestamp()),
            "logID": log.hexdigest(),
            "logIndex": len(self.asked),
        }
        note = f"{ORIGIN} - 1\n1\n{_encode(leaf.digest())}\n"
        signed = _encode(log.digest()[:4] + self._sign(note.encode()))
        proof = {
            "checkpoint": f"{note}\n\N{EM DASH} {ORIGIN} {signed}\n",
            "hashes": [],
            "logIndex": 0,
            "rootHash": leaf.hexdigest(),
            "treeSize": 1,
        }
        promise = _encode(self._sign(_compact(entry)))
        return leaf.hexdigest(), {**entry, "verification": {"signedEntryTimestamp": promise, "inclusionProof": proof}}

    def _sign(self, data: bytes) -> bytes:
        return self.log.sign(data, ec.ECDSA(hashes.SHA256()))

    def _log_key(self, encoding: serialization.Encoding) -> bytes:
        return self.log.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


@contextmanager
def serve(server: KeyPair) -> Iterator[Sigstore]:
    """A Sigstore that answers on loopback, with this certificate."""
    sigstore = Sigstore()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer, named = sigstore.answer(self.path, self.headers.get("Authorization", ""), request)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if named:
                self.send_header("ETag", named)
                self.send_header("Location", f"{self.path}/{named}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted.load_cert_chain(server.certificate, server.key)
    web.socket = trusted.wrap_socket(web.socket, server_side=True)
    sigstore.url = f"https://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    try:
        yield sigstore
    finally:
        web.shutdown()
        web.server_close()
        thread.join()
