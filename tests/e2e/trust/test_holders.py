"""The programs that hold an intermediate's key, OpenBao and SPIRE: what they sign below the root is believed, all through its rotation."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from trust.authority import ID, Client, Owner, bundle_of, openssl, rendered, spec

from lab.console import Console
from lab.toolchain import provide

PATIENCE = 30.0


@pytest.fixture(scope="module")
def programs() -> dict[str, Path]:
    """OpenBao and SPIRE, as the lab has them."""
    return provide(Console.silent(), ("bao", "spire-server"))


@pytest.fixture
def owners(tmp_path: Path) -> tuple[Owner, Owner]:
    """Of the root in use, and of the one that follows."""
    return Owner.of(tmp_path / "one", "Helix Root 1"), Owner.of(tmp_path / "two", "Helix Root 2")


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Somebody who trusts what a segment trusts."""
    return Client(tmp_path)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running(command: list[str], log: Path, ready: Callable[[], bool], environment: dict[str, str] | None = None) -> Iterator[None]:
    """A program that is ready, ended afterwards."""
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | (environment or {})) as process:
        try:
            end = time.monotonic() + PATIENCE
            while not ready():
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < end, log.read_text()[-2000:]
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def shell(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(["sh", "-euc", command], cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_openbao_signs_below_the_root(owners: tuple[Owner, Owner], client: Client, programs: dict[str, Path], tmp_path: Path) -> None:
    """Its key is made inside and never leaves; by the page's own commands, before, during and after the rotation of the root."""
    port = free_port()
    environment = {
        "BAO_ADDR": f"http://127.0.0.1:{port}",
        "BAO_TOKEN": "trust-test",
        "HOME": str(tmp_path),
        "PATH": f"{programs['bao'].parent}{os.pathsep}{os.environ['PATH']}",
    }
    server = [str(programs["bao"]), "server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", "-dev-root-token-id=trust-test"]

    def bao(arguments: str) -> str:
        return shell(f"bao {arguments}", tmp_path, environment)

    def ready() -> bool:
        return subprocess.run([programs["bao"], "status"], env=os.environ | environment, capture_output=True, check=False).returncode == 0

    def signed(owner: Owner, handed: Path) -> None:
        root = {"ROOT": str(owner.folder / "root.crt"), "ROOT_KEY": str(owner.folder / "root.key")}
        page = (handed / "README.md").read_text()
        for command in re.findall(r"^ {7}((?:bao|cat) .*)$", page, re.MULTILINE):
            if command.startswith("cat "):
                signing = (
                    "openssl x509 -req -in openbao.csr -CA $ROOT -CAkey $ROOT_KEY -days 5 -extfile openbao.cnf -extensions intermediate"
                )
                shell(f"{signing} -out openbao.crt", handed, root)
            shell(command, handed, environment | root)
        issuers = json.loads(bao("list -format=json helix/pki/issuers"))
        newest = (handed / "openbao.crt").read_text().strip()
        (issuer,) = [
            each
            for each in issuers
            if json.loads(bao(f"read -format=json helix/pki/issuer/{each}"))["data"]["certificate"].strip() == newest
        ]
        bao(f"write helix/pki/config/issuers default={issuer}")

    def issued(name: str) -> str:
        data = json.loads(bao(f"write -format=json helix/pki/issue/server common_name={name}"))["data"]
        return "\n".join((data["certificate"], *data["ca_chain"], "")).replace("\n\n", "\n")

    one, two = owners
    before, during, after = spec(one.certificate), spec(one.certificate, two.certificate), spec(two.certificate)
    with running(server, tmp_path / "bao.log", ready, environment):
        bao("secrets enable -path=helix/pki pki")
        signed(one, rendered(before, tmp_path / "before"))
        bao("write helix/pki/roles/server allowed_domains=svc allow_subdomains=true key_type=ec key_bits=256 max_ttl=1h")
        old = issued("openbao.helix-keys.svc")
        assert client.trusts(old, bundle_of(before))
        signed(two, rendered(during, tmp_path / "during"))
        new = issued("openbao.helix-keys.svc")
        trusted = [(client.trusts(old, bundle_of(each)), client.trusts(new, bundle_of(each))) for each in (before, during, after)]
    assert trusted == [(True, False), (True, True), (False, True)]
    assert "PRIVATE KEY" not in "".join(path.read_text() for path in tmp_path.rglob("openbao.*"))


def test_spire_signs_below_the_root(owners: tuple[Owner, Owner], client: Client, programs: dict[str, Path], tmp_path: Path) -> None:
    """A real SPIRE server, with the signed intermediate as its upstream: each SVID is believed by the bundle of its time."""
    one, two = owners
    before, during, after = spec(one.certificate), spec(one.certificate, two.certificate), spec(two.certificate)

    def minted(owner: Owner, declared: dict[str, object], name: str) -> str:
        """What a workload gets from a server that runs on the owner's certificate."""
        handed = rendered(declared, tmp_path / name)
        signed = owner.sign(handed)["spire"]
        (handed / "upstream.pem").write_text(signed.chain)
        sockets = tmp_path / f"{name}.sock"
        disk = {
            "cert_file_path": str(handed / "upstream.pem"),
            "key_file_path": str(signed.key),
            "bundle_file_path": str(owner.folder / "root.crt"),
        }
        configuration = {
            "server": [
                {
                    "bind_address": "127.0.0.1",
                    "bind_port": str(free_port()),
                    "trust_domain": "helix.example",
                    "data_dir": str(tmp_path),
                    "socket_path": str(sockets),
                    "ca_ttl": "24h",
                    "ca_key_type": "ec-p256",
                }
            ],
            "plugins": {
                "DataStore": [
                    {"sql": {"plugin_data": {"database_type": "sqlite3", "connection_string": str(tmp_path / "entries.sqlite3")}}}
                ],
                "KeyManager": [{"memory": {"plugin_data": {}}}],
                "NodeAttestor": [{"join_token": {"plugin_data": {}}}],
                "UpstreamAuthority": [{"disk": {"plugin_data": disk}}],
            },
        }
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(configuration))
        server = str(programs["spire-server"])

        def ready() -> bool:
            asked = [server, "healthcheck", "-socketPath", str(sockets)]
            return subprocess.run(asked, capture_output=True, check=False).returncode == 0

        with running([server, "run", "-config", str(path)], tmp_path / f"{name}.log", ready):
            out = tmp_path / f"{name}.svid"
            out.mkdir()
            mint = [
                server,
                "x509",
                "mint",
                "-spiffeID",
                ID.removeprefix("URI:"),
                "-ttl",
                "1h",
                "-write",
                str(out),
                "-socketPath",
                str(sockets),
            ]
            done = subprocess.run(mint, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return (out / "svid.pem").read_text()

    old, new = minted(one, before, "before"), minted(two, during, "during")
    trusted = [(client.trusts(old, bundle_of(each)), client.trusts(new, bundle_of(each))) for each in (before, during, after)]
    assert trusted == [(True, False), (True, True), (False, True)]
    (tmp_path / "svid.pem").write_text(new)
    assert ID in openssl("x509", "-in", tmp_path / "svid.pem", "-noout", "-ext", "subjectAltName")
