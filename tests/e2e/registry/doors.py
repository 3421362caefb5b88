"""The doors of a planned registry as real processes: CNCF distribution on the very configuration that the plan gives its pods.

Only what a pod has and a test has not is replaced: the folders of the store and of the certificate, and the port.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from factory.load import load_object
from factory.plan import Body, plan_factory
from factory.plan.registry import STORE, TLS
from lab.console import Console
from lab.toolchain import provide

PATIENCE = 30.0
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = b"{}"

SPEC: dict[str, Any] = {
    "name": "depot",
    "posture": "Development",
    "trustDomain": "helix.example",
    "deployer": {"user": "depot-deployer"},
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lab"},
    "images": {"registries": ["registry.depot.example/apps/"], "digests": True},
    "segments": [
        {"name": "training", "stage": "Training", "owner": "ml-research"},
        {"name": "inference", "stage": "Inference", "owner": "serving"},
        {"name": "models", "stage": "Platform", "owner": "ml-platform"},
    ],
    "models": [{"name": "fraud", "repository": "models.helix.example/fraud"}],
    "workloads": [
        {"name": "trainer", "segment": "training", "produces": ["fraud"]},
        {"name": "notebook", "segment": "training"},
        {"name": "server", "segment": "inference", "serves": ["fraud"]},
        {"name": "mirror", "segment": "models"},
        {"name": "registry-write", "segment": "models", "listens": [{"name": "https", "port": 5443}]},
        {"name": "registry-read", "segment": "models", "listens": [{"name": "https", "port": 5443}]},
    ],
    "peers": [
        {"name": "nodes", "cidr": "10.0.0.0/16"},
        {"name": "kyverno", "namespace": "kyverno", "podLabels": {"app.kubernetes.io/component": "admission-controller"}},
    ],
    "flows": [
        {"from": "training/trainer", "to": "models/registry-write", "port": "https", "because": "it pushes what it has trained"},
        {"from": "nodes", "to": "models/registry-read", "port": "https", "because": "kubelets pull the models of pods"},
        {"from": "kyverno", "to": "models/registry-read", "port": "https", "because": "signatures are verified at admission"},
    ],
    "access": [{"group": "depot:platform", "role": "operator", "segments": ["models", "training"], "because": "they run the registry"}],
    "registry": {
        "kind": "Distribution",
        "host": "models.helix.example",
        "segment": "models",
        "image": f"registry.depot.example/apps/distribution@sha256:{'1' * 64}",
        "certificate": "registry-tls",
        "storage": "500Gi",
    },
}
"""A factory whose trainer pushes and whose nodes pull."""


def planned(kind: str, name: str, **registry: Any) -> Body:
    """One object of the plan."""
    plan = plan_factory(load_object(SPEC | {"registry": SPEC["registry"] | registry}))
    found = [each.body for each in plan.manifests if (each.body["kind"], each.body["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, (kind, name)
    return found[0]


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and what it issues."""

    name: str
    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def certificate(self) -> Path:
        path = self.folder / f"{self.name}.ca.crt"
        if not path.exists():
            path.write_bytes(self._sign(self._name(self.name), self.key, authority=True, days=1))
        return path

    def issue(
        self, name: str, *, hosts: tuple[str, ...] = (), use: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH, days: float = 1
    ) -> tuple[Path, Path]:
        """A certificate and its key. With negative `days` it is already over."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, private = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(self._sign(self._name(name), key, hosts=hosts, use=use, days=days))
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return certificate, private

    def _name(self, name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool = False,
        hosts: tuple[str, ...] = (),
        use: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        days: float,
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
        )
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **usage), critical=True
        )
        if not authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if hosts:
            names = [x509.DNSName(host) if host.isalpha() else x509.IPAddress(ip_address(host)) for host in hosts]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Pki:
    """Everybody's certificates."""

    folder: Path

    def __post_init__(self) -> None:
        self.servers, self.writers = Authority("servers", self.folder), Authority("writers", self.folder)
        self.strangers = Authority("strangers", self.folder)
        certificate, key = self.servers.issue("door", hosts=("localhost", "127.0.0.1"), use=ExtendedKeyUsageOID.SERVER_AUTH)
        self.tls = self.folder / "tls"
        self.tls.mkdir()
        for name, path in (("tls.crt", certificate), ("tls.key", key), ("ca.crt", self.writers.certificate)):
            (self.tls / name).write_bytes(path.read_bytes())

    def context(self, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """How a client that trusts the doors connects, with a certificate of its own if it has one."""
        context = ssl.create_default_context(cafile=str(self.servers.certificate))
        if pair:
            context.load_cert_chain(*map(str, pair))
        return context


@dataclass
class Door:
    """A running door."""

    config: Body
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait()


@dataclass
class Registry:
    """One store, and the doors to it."""

    folder: Path
    pki: Pki
    running: list[Door] = field(default_factory=list)

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def config(self, door: str, port: int, **registry: Any) -> Body:
        """The planned configuration, its places replaced by those of the test."""
        text = planned("ConfigMap", door, **registry)["data"]["config.yml"]
        assert STORE in text
        assert TLS in text
        config: Body = yaml.safe_load(text.replace(STORE, str(self.store)).replace(TLS, str(self.pki.tls)))
        assert config["http"]["addr"] == ":5443"
        config["http"]["addr"] = f"127.0.0.1:{port}"
        return config

    def open(self, door: str, change: Any = None, environment: dict[str, str] | None = None, **registry: Any) -> Door:
        """Starts a door and waits until it listens. `change` is what somebody did to its configuration."""
        port = free_port()
        config = self.config(door, port, **registry)
        if change:
            change(config)
        self.store.mkdir(parents=True, exist_ok=True)
        file, log = self.folder / f"{door}-{port}.yml", self.folder / f"{door}-{port}.log"
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        # Nothing of the test's own environment, and no place to write but the store: as in the pod, whose file system is read-only.
        variables = {"PATH": "/bin", "OTEL_TRACES_EXPORTER": "none", "TMPDIR": "/nonexistent", **(environment or {})}
        with log.open("wb") as output:
            process = subprocess.Popen([binary(), "serve", str(file)], stdout=output, stderr=output, env=variables, cwd="/")
        opened = Door(config, port, process, log)
        self.running.append(opened)
        end = time.monotonic() + PATIENCE
        while not _listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        return opened

    def close(self) -> None:
        """Ends every door that runs still."""
        for door in self.running:
            if door.process.poll() is None:
                door.kill()

    def content(self) -> dict[str, str]:
        """Digest of each file of the store by its path."""
        files = (path for path in self.store.rglob("*") if path.is_file())
        return {str(path.relative_to(self.store)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def binary() -> Path:
    """The registry of the lab's toolchain, built where needed."""
    return provide(Console.silent(), ("registry",))["registry"]


def free_port() -> int:
    """A port that the kernel has to give."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def digest(content: bytes) -> str:
    """As OCI names content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(*layers: bytes) -> bytes:
    """An OCI manifest over blobs."""
    described = [{"mediaType": "application/vnd.cncf.model.weight.v1.raw", "digest": digest(layer), "size": len(layer)} for layer in layers]
    config = {"mediaType": "application/vnd.cncf.model.config.v1+json", "digest": digest(EMPTY), "size": len(EMPTY)}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": described}).encode()


class Client:
    """Somebody who speaks to a door, with a certificate or without."""

    def __init__(self, door: Door, context: ssl.SSLContext, repository: str = "fraud") -> None:
        self.door, self.repository = door, repository
        self.http = httpx2.Client(base_url=door.url, verify=context, timeout=20, trust_env=False)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def begin(self) -> str:
        """Begins an upload, and returns where it goes on."""
        answer = self.http.post(f"/v2/{self.repository}/blobs/uploads/")
        assert answer.status_code == 202, answer.text
        return str(answer.headers["Location"])

    def finish(self, location: str, content: bytes, named: str) -> httpx2.Response:
        """Sends what is left of a blob, and says what it is."""
        return self.http.put(location, params=dict(httpx2.URL(location).params) | {"digest": named}, content=content)

    def push_blob(self, content: bytes) -> str:
        """A whole blob."""
        answer = self.finish(self.begin(), content, digest(content))
        assert answer.status_code == 201, answer.text
        return digest(content)

    def push_manifest(self, tag: str, content: bytes) -> httpx2.Response:
        """A manifest under a tag."""
        return self.http.put(f"/v2/{self.repository}/manifests/{tag}", content=content, headers={"Content-Type": MANIFEST})

    def push(self, tag: str, *layers: bytes) -> bytes:
        """A whole model: its config, its layers, its manifest."""
        for blob in (EMPTY, *layers):
            self.push_blob(blob)
        model = manifest(*layers)
        answer = self.push_manifest(tag, model)
        assert answer.status_code == 201, answer.text
        return model

    def blob(self, named: str) -> httpx2.Response:
        """A blob."""
        return self.http.get(f"/v2/{self.repository}/blobs/{named}")

    def manifest(self, reference: str) -> httpx2.Response:
        """A manifest by tag or digest."""
        return self.http.get(f"/v2/{self.repository}/manifests/{reference}", headers={"Accept": MANIFEST})


@contextmanager
def refused() -> Iterator[None]:
    """The connection is refused in the handshake: nothing that the client sends is read."""
    try:
        yield
    except httpx2.TransportError:
        return
    raise AssertionError("the door let it in")


def environment() -> dict[str, str]:
    """What a script needs to find the registry by its name."""
    return {"PATH": f"{binary().parent}{os.pathsep}/usr/bin{os.pathsep}/bin", "OTEL_TRACES_EXPORTER": "none"}
