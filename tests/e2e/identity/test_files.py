"""A real API server loads whatever files are planned: it is started without etcd, and a bad file ends it in a second."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from issuer import Issuer
from specs import Data, read, specs
from test_sign_in import spec

from factory.load import load_object
from factory.plan import names, plan_factory
from factory.plan.authentication import authenticator, extra
from factory.render import render
from factory.spec import Factory
from lab.console import Console
from lab.toolchain import provide

LOADED = "Waiting for caches to sync"
"""What the API server logs after it has read its files, and before it asks etcd."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With what an API server needs beside the plan's files."""
    folder = tmp_path_factory.mktemp("api-server")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "sa.key").write_bytes(pem)
    return folder


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def refusal(folder: Path, flags: Data) -> str | None:
    """Why an API server with these flags does not start; None where it has loaded all of its files."""
    own = {
        "etcd-servers": "http://127.0.0.1:1",
        "bind-address": "127.0.0.1",
        "secure-port": free_port(),
        "cert-dir": folder / "certificates",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": folder / "sa.key",
        "service-account-signing-key-file": folder / "sa.key",
        "service-cluster-ip-range": "10.96.0.0/16",
    }
    if "authorization-config" not in flags:
        own["authorization-mode"] = "Node,RBAC"
    words = {name: ",".join(value) if isinstance(value, list) else value for name, value in (flags | own).items()}
    log = folder / "log"
    with log.open("w") as output:
        program = provide(Console.silent())["kube-apiserver"]
        process = subprocess.Popen([program, *(f"--{name}={value}" for name, value in words.items())], stderr=output, stdout=output)
        try:
            end = time.monotonic() + 60
            while LOADED not in log.read_text():
                if process.poll() is not None:
                    return log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            return None
        finally:
            process.kill()
            process.wait()


def authentication(folder: Path, *authenticators: Data) -> str | None:
    """Why an API server does not load a file with these authenticators."""
    numbered = [each | {"issuer": each["issuer"] | {"url": f"https://127.0.0.1:1/{number}"}} for number, each in enumerate(authenticators)]
    content = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwt": numbered}
    (folder / "authentication.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    return refusal(folder, {"authentication-config": folder / "authentication.yaml"})


def jwt(factory: Factory) -> list[Data]:
    """Authenticators in each form that holds CEL of Kubernetes: ours, that of AKS, and what OpenShift takes of it."""
    forms: list[Data] = []
    for provider in factory.providers:
        forms += [authenticator(factory, provider, provider.prefix), authenticator(factory, provider, f"aks:jwt:{provider.prefix}")]
        issuer = {"url": "", "audiences": ["a"]}
        forms.append({"issuer": issuer, "claimMappings": {"username": {"claim": "sub", "prefix": ""}, "extra": extra(provider)}})
    return forms


# Each example starts an API server: many specs in one, and no time spent on making a failure smaller.
@settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(specs(), min_size=5, max_size=6))
def test_every_expression_compiles(folder: Path, drawn: list[Any]) -> None:
    """Whatever claims are called and whatever values they must have, quotes and brackets too: the API server takes the file."""
    authenticators = [each for spec in drawn for each in jwt(read(spec))]
    assert authentication(folder, *authenticators[:64]) is None


def test_a_bad_file_is_noticed(folder: Path) -> None:
    """Else the tests here would show nothing."""
    with Issuer() as issuer:
        (good, *_) = jwt(load_object(spec(issuer)))
    bad = json.loads(json.dumps(good))
    bad["claimValidationRules"][4]["expression"] = "claims.amr.exists(m, m == 'mfa')"
    assert "compilation failed" in (authentication(folder, bad) or "")


@pytest.mark.parametrize("version", ["1.33", "1.34", "1.36"])
def test_rendered_files_load(folder: Path, tmp_path: Path, version: str) -> None:
    """The files and flags of `factory render`, as they are but for the folder that they are installed in."""
    with Issuer() as issuer:
        people = spec(issuer)
    people["cluster"]["version"] = version
    people["cluster"]["staticPolicies"] = version == "1.36"
    render(plan_factory(load_object(people)), tmp_path)
    installed = tmp_path / "control-plane"
    for path in installed.rglob("*.yaml"):
        path.write_text(path.read_text().replace(names.INSTALL_PREFIX, str(installed)))
    flags = yaml.safe_load((installed / "kube-apiserver.yaml").read_text())
    assert {"authentication-config", "authorization-config", "audit-policy-file"} <= set(flags)
    assert refusal(folder, flags | {"audit-log-path": tmp_path / "audit.log"}) is None
