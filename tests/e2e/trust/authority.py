"""What the owner of a root, the holder of an intermediate's key and a client do: OpenSSL, as each of them would type it."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.load import load_object
from factory.plan import Body, names, plan_factory
from factory.render import render

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
DAY = ("-days", "1")

NAMES = ("openbao", "spire", "webhooks")
ID = "URI:spiffe://helix.example/segment/training/workload/trainer"


def spec(certificate: str, following: str | None = None) -> dict[str, Any]:
    root = {"kind": "External", "certificate": certificate} | ({"next": following} if following else {})
    return {
        "name": "helix",
        "posture": "Production",
        "trustDomain": "helix.example",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
        "images": {"registries": ["registry.helix.example/"]},
        "segments": [{"name": "training", "stage": "Training", "owner": "ml-research"}],
        "identity": {"workloads": {}},
        "keys": {"root": root, "vault": {"kind": "External", "address": "https://vault.helix.example:8200"}},
    }


def openssl(*command: str | Path) -> str:
    """What it prints. Fails the test when it fails."""
    done = subprocess.run(["openssl", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Authority:
    """A certificate, as PEM with all that stands above it but the root, and the file of its key."""

    chain: str
    key: Path

    def sign(self, name: str, *alternative_names: str, uses: str = "serverAuth,clientAuth") -> str:
        """A certificate of a server, or of a workload, with names such as `DNS:a.svc`; behind it the chain."""
        folder = self.key.parent
        files = {suffix: folder / f"{name}.{suffix}" for suffix in ("csr", "key", "cnf", "crt")}
        openssl("req", "-new", *EC, "-subj", f"/CN={name}", "-keyout", files["key"], "-out", files["csr"])
        lines = [f"subjectAltName = {','.join(alternative_names)}", "basicConstraints = critical, CA:FALSE", f"extendedKeyUsage = {uses}"]
        files["cnf"].write_text("\n".join((*lines, "keyUsage = critical, digitalSignature", "authorityKeyIdentifier = keyid:always")))
        issuer = folder / "issuer.pem"
        issuer.write_text(self.chain)
        openssl(
            "x509", "-req", "-in", files["csr"], "-CA", issuer, "-CAkey", self.key, *DAY, "-extfile", files["cnf"], "-out", files["crt"]
        )
        return files["crt"].read_text() + self.chain

    def authority(self, name: str, length: int = 0) -> Authority:
        """An authority below it, whether or not it may have one."""
        folder = self.key.parent
        files = {suffix: folder / f"{name}.{suffix}" for suffix in ("csr", "key", "cnf", "crt")}
        openssl("req", "-new", *EC, "-subj", f"/CN={name}", "-keyout", files["key"], "-out", files["csr"])
        lines = (f"basicConstraints = critical, CA:TRUE, pathlen:{length}", "keyUsage = critical, keyCertSign")
        files["cnf"].write_text("\n".join((*lines, "subjectKeyIdentifier = hash", "authorityKeyIdentifier = keyid:always")))
        issuer = folder / "issuer.pem"
        issuer.write_text(self.chain)
        openssl(
            "x509", "-req", "-in", files["csr"], "-CA", issuer, "-CAkey", self.key, *DAY, "-extfile", files["cnf"], "-out", files["crt"]
        )
        return Authority(files["crt"].read_text() + self.chain, files["key"])


@dataclass(frozen=True)
class Client:
    """Whoever trusts a bundle, and nothing else."""

    folder: Path

    def trusts(self, chain: str, bundle: str, purpose: str = "sslserver") -> bool:
        """Whether the first certificate of a chain is believed, by the roots of the bundle and the rest of the chain."""
        certificates = [f"{each}-----END CERTIFICATE-----\n" for each in chain.split("-----END CERTIFICATE-----\n")[:-1]]
        for name, content in (("leaf.pem", certificates[0]), ("above.pem", "".join(certificates[1:])), ("bundle.pem", bundle)):
            (self.folder / name).write_text(content)
        above = ["-untrusted", "above.pem"] if certificates[1:] else []
        options = ["-x509_strict", "-purpose", purpose, "-no-CApath", "-no-CAstore", "-CAfile", "bundle.pem", *above, "leaf.pem"]
        return subprocess.run(["openssl", "verify", *options], cwd=self.folder, capture_output=True, check=False).returncode == 0


def bundle_of(spec: Body) -> str:
    """What a segment's pods mount: the roots that its workloads trust."""
    (bundle,) = {
        manifest.body["data"]["ca.crt"]
        for manifest in plan_factory(load_object(spec)).manifests
        if manifest.body["kind"] == "ConfigMap" and manifest.body["metadata"]["name"] == names.BUNDLE
    }
    return str(bundle)


def rendered(spec: Body, folder: Path) -> Path:
    """The folder that goes to the root's owner."""
    render(plan_factory(load_object(spec)), folder)
    return folder / "trust"


@dataclass(frozen=True)
class Owner:
    """The owner of one root, on a machine of their own."""

    folder: Path

    @classmethod
    def of(cls, folder: Path, name: str) -> Owner:
        folder.mkdir()
        usage = "keyUsage = critical, keyCertSign, cRLSign"
        openssl(
            "req",
            "-x509",
            *EC,
            "-keyout",
            folder / "root.key",
            "-out",
            folder / "root.crt",
            "-days",
            "9",
            "-subj",
            f"/CN={name}",
            "-addext",
            usage,
        )
        return cls(folder)

    @property
    def certificate(self) -> str:
        return (self.folder / "root.crt").read_text()

    def sign(self, handed: Path) -> dict[str, Authority]:
        """The steps, as the page has them: requests by OpenSSL, where the page has OpenSSL, and the root's loop."""
        steps = (handed / "README.md").read_text()
        made = re.findall(r"^ {7}(openssl req .*)$", steps, re.MULTILINE)
        (loop,) = re.findall(r"^ {7}(for each in .*?^ {7}done)$", steps, re.MULTILINE | re.DOTALL)
        (checks,) = re.findall(r"^ {7}(openssl verify .*)$", steps, re.MULTILINE)
        asked = [*made, made[0].replace("spire", "openbao")]  # where no OpenBao runs, OpenSSL stands for it
        root = {"ROOT": str(self.folder / "root.crt"), "ROOT_KEY": str(self.folder / "root.key")}
        for command in (*asked, loop, checks):
            done = subprocess.run(["sh", "-euc", command], cwd=handed, env=os.environ | root, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
        return {name: Authority((handed / f"{name}.crt").read_text(), handed / f"{name}.key") for name in NAMES}
