"""Three real members of OpenBao on the rendered configuration: one founds the raft, the others join it, and any of them may go.

There is no cluster here: of the configuration only what belongs to the place is replaced, addresses and the files below `/etc/openbao`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from deployed import wait_until
from e2e.identity.issuer import Issuer

from factory.load import load_object
from factory.plan import plan_factory
from factory.render import render
from lab.certificate import SERVER, Authority
from lab.console import Console
from lab.toolchain import provide

MEMBERS = ("openbao-0", "openbao-1", "openbao-2")
HOST = "openbao.helix-keys.svc"


def spec(issuer: str, authority: str, *, initialized: bool) -> dict[str, Any]:
    provider = {"kind": "OIDC", "preset": "Okta", "name": "staff", "people": "Staff", "issuer": issuer, "certificateAuthority": authority}
    ports = {"https": 8200, "raft": 8201}
    return {
        "name": "helix",
        "posture": "Development",
        "trustDomain": "helix.example",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
        "images": {"registries": ["registry.helix.example/"]},
        "segments": [{"name": "keys", "stage": "Platform", "owner": "security"}],
        "workloads": [{"name": "openbao", "segment": "keys", "listens": [{"name": name, "port": port} for name, port in ports.items()]}],
        "identity": {"people": {"providers": [provider]}},
        "keys": {
            "root": {"kind": "Bootstrap"},
            "vault": {
                "kind": "OpenBao",
                "segment": "keys",
                "image": "registry.helix.example/openbao:2.7.2",
                "certificate": "openbao-tls",
                "seal": {"kind": "Static", "secret": "openbao-seal"},
                "administrators": "staff:key-administrators",
                "initialized": initialized,
            },
        },
    }


@dataclass
class Raft:
    """Members as processes, each with a folder of its own."""

    bao: Path
    folder: Path
    issuer: Issuer
    http: httpx2.Client
    ports: dict[str, int]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def port(self, member: str, listener: str = "https") -> int:
        return self.ports[f"{member} {listener}"]

    def start(self, member: str, *, initialized: bool = False) -> None:
        """A member on the files that the StatefulSet shows it."""
        rendered = self.folder / f"rendered-{initialized}"
        files = {item["path"]: item["key"] for item in self._items(rendered)}
        home = self.folder / member
        (home / "data").mkdir(parents=True, exist_ok=True)
        for path, key in files.items():
            if path.startswith(f"{member}/"):
                text = self._placed((rendered / "vault" / key).read_text(), member, rendered)
                (home / key).write_text(text)
        environment = {
            "PATH": os.environ["PATH"],
            "BAO_RAFT_NODE_ID": member,
            "BAO_API_ADDR": f"https://127.0.0.1:{self.port(member)}",
            "BAO_CLUSTER_ADDR": f"https://127.0.0.1:{self.port(member, 'raft')}",
            "KUBERNETES_HOST": "https://127.0.0.1:1",
            "KUBERNETES_CA_CERT": self.issuer.authority,
            "TOKEN_REVIEWER_JWT": "none",
        }
        with (home / "log").open("ab") as log:
            command = [str(self.bao), "server", *(f"-config={home / key}" for path, key in files.items() if path.startswith(f"{member}/"))]
            self.running[member] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def _items(self, rendered: Path) -> list[dict[str, str]]:
        import yaml

        (file,) = (rendered / "manifests").glob("*-statefulset-*.yaml")
        volumes = yaml.safe_load(file.read_text())["spec"]["template"]["spec"]["volumes"]
        return list(next(each for each in volumes if each["name"] == "configuration")["configMap"]["items"])

    def _placed(self, text: str, member: str, rendered: Path) -> str:
        for other in MEMBERS:
            text = text.replace(f"{other}.openbao-members.helix-keys.svc:8200", f"127.0.0.1:{self.port(other)}")
        text = text.replace("[::]:8200", f"127.0.0.1:{self.port(member)}").replace("[::]:8201", f"127.0.0.1:{self.port(member, 'raft')}")
        text = text.replace("/var/lib/openbao", str(self.folder / member / "data"))
        text = text.replace("/etc/openbao/policies", str(rendered / "vault/policies"))
        return text.replace("/etc/openbao", str(self.folder / "etc"))

    def kill(self, member: str) -> None:
        process = self.running.pop(member)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def health(self, member: str) -> dict[str, Any]:
        return self._told(member, "health")

    def _told(self, member: str, what: str) -> dict[str, Any]:
        try:
            return dict(self.http.get(f"https://127.0.0.1:{self.port(member)}/v1/sys/{what}").json())
        except httpx2.HTTPError:
            return {}

    def ask(self, member: str, method: str, path: str, body: Any = None, token: str = "") -> httpx2.Response:
        url = f"https://127.0.0.1:{self.port(member)}/v1/{path}"
        return self.http.request(method, url, json=body, headers={"X-Vault-Token": token} if token else {})

    def administrator(self, member: str) -> str:
        said = {"sub": "alice", "aud": "openbao", "groups": ["key-administrators"], "acr": "phr"}
        answer = self.ask(member, "POST", "auth/helix/oidc/login", {"role": "administrator", "jwt": self.issuer.token("staff", said)})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["auth"]["client_token"])

    def voters(self, member: str) -> set[str]:
        answer = self.ask(member, "GET", "sys/storage/raft/configuration", token=self.administrator(member))
        assert answer.status_code == 200, answer.text
        return {server["node_id"] for server in answer.json()["data"]["config"]["servers"] if server["voter"]}

    def one_raft(self) -> bool:
        """All that run are unsealed members of one raft, one of which leads, and all know which: who does not answers for nobody yet."""
        told = [self.health(member) for member in self.running]
        whole = all(each.get("initialized") and each.get("sealed") is False for each in told)
        leaders = {self._told(member, "leader").get("leader_address") for member in self.running}
        one = len({each.get("cluster_id") for each in told}) == 1 and len(leaders) == 1 and all(leaders)
        return whole and one and [each["standby"] for each in told].count(False) == 1


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def raft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raft]:
    folder = tmp_path_factory.mktemp("raft")
    (folder / "etc/tls").mkdir(parents=True)
    (folder / "etc/seal").mkdir()
    (folder / "etc/seal/key").write_bytes(os.urandom(32))
    authority = Authority(folder / "etc", "authority")
    pair = authority.issue("openbao", hosts=(HOST, "127.0.0.1"), uses=(SERVER,))
    for name, path in (("tls.crt", pair.certificate), ("tls.key", pair.key), ("ca.crt", authority.pair.certificate)):
        shutil.copy(path, folder / "etc/tls" / name)
    bao = provide(Console.silent(), {"bao"})["bao"]
    ports = {f"{member} {listener}": free_port() for member in MEMBERS for listener in ("https", "raft")}
    with Issuer() as issuer:
        for initialized in (False, True):
            data = spec(issuer.url("staff"), issuer.authority, initialized=initialized)
            render(plan_factory(load_object(data)), folder / f"rendered-{initialized}")
        trust = ssl.create_default_context(cafile=str(folder / "etc/tls/ca.crt"))
        with httpx2.Client(verify=trust, trust_env=False, timeout=20) as http:
            raft = Raft(bao, folder, issuer, http, ports)
            try:
                yield raft
            finally:
                for member in list(raft.running):
                    raft.kill(member)


def test_all_at_once_become_one_raft(raft: Raft) -> None:
    """Started together, in any order, they are one raft: only the first founds it, and no second one is founded beside it."""
    for member in reversed(MEMBERS):
        raft.start(member)
    wait_until(raft.one_raft, "three members of one raft")
    wait_until(lambda: raft.voters("openbao-0") == set(MEMBERS), "three voters")


def test_leader_dies(raft: Raft) -> None:
    """What was written before is there, another leads, and who died joins again by itself."""
    before = raft.ask("openbao-0", "POST", "sys/policies/acl/helix.one", {"policy": "# one"}, raft.administrator("openbao-0"))
    assert before.status_code == 204, before.text
    (leader,) = [member for member in MEMBERS if raft.health(member)["standby"] is False]
    raft.kill(leader)
    wait_until(raft.one_raft, "another leader")
    left = next(iter(raft.running))
    assert raft.ask(left, "GET", "sys/policies/acl/helix.one", token=raft.administrator(left)).json()["data"]["policy"] == "# one"
    raft.start(leader)
    wait_until(raft.one_raft, "it is back")


def test_first_member_loses_its_volume(raft: Raft) -> None:
    """Once the spec says `initialized`, an empty first member joins the others instead of founding an empty vault beside them."""
    cluster = raft.health("openbao-1")["cluster_id"]
    raft.kill("openbao-0")
    wait_until(raft.one_raft, "two of three go on")
    raft.ask("openbao-1", "POST", "sys/storage/raft/remove-peer", {"server_id": "openbao-0"}, raft.administrator("openbao-1"))
    shutil.rmtree(raft.folder / "openbao-0")
    raft.start("openbao-0", initialized=True)
    wait_until(raft.one_raft, "three again")
    assert raft.health("openbao-0")["cluster_id"] == cluster
    assert raft.ask("openbao-0", "GET", "sys/policies/acl/helix.one", token=raft.administrator("openbao-0")).status_code == 200
    wait_until(lambda: raft.voters("openbao-0") == set(MEMBERS), "three voters again")


def test_no_member_said_a_secret(raft: Raft) -> None:
    """Neither the key of the seal nor a token is in what three members logged."""
    seal = (raft.folder / "etc/seal/key").read_bytes()
    for member in MEMBERS:
        for log in (raft.folder / member).glob("log"):
            content = log.read_bytes()
            assert seal not in content
            assert seal.hex().encode() not in content
            for line in content.decode(errors="replace").splitlines():
                entry = json.loads(line) if line.startswith("{") else {}
                assert not str(entry.get("auth", {}).get("client_token", "hmac-")).startswith(("s.", "b.", "hvs."))
