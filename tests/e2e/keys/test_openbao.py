"""A real OpenBao on the rendered configuration, before a real API server with the dev stack: what each workload may do with each key.

The tokens are those of the dev stack's ServiceAccounts; administrators sign in at an issuer on loopback.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from deployed import PATIENCE, Client, Deployed, deploy_on, own_lab, wait_until
from e2e.identity.issuer import Issuer
from plan.golden import STACKS

from factory.load import load_object
from factory.plan import plan_factory
from factory.render import render
from factory.spec import Factory
from lab import Lab
from lab.process import recorded

PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMdq2F7uqEZfHGhhh0aZCM2Wa8Tqq
FYbxZqIuXZQ9Vwr5WPKQcIdTX1cIqabXhPiq/y2VW4hfs1jR7iF3Ki4CMw==
-----END PUBLIC KEY-----
"""
ADMINISTRATORS = "key-administrators"
IMAGE = "registry.helix.example/apps/openbao:2.7.2"


def spec(issuer: str, authority: str, **change: Any) -> dict[str, Any]:
    """The dev stack with an OpenBao of its own, people who administer it, and a signer whose key a workload holds."""
    found = yaml.safe_load(STACKS["dev"].read_text())["config"]["ai-factory:spec"]
    found["segments"] += [{"name": "keys", "stage": "Platform", "owner": "security", "quota": {"cpu": "8", "memory": "4Gi", "pods": 10}}]
    found["workloads"] += [
        {
            "name": "openbao",
            "segment": "keys",
            "listens": [{"name": "https", "port": 8200}, {"name": "raft", "port": 8201}],
            "egress": [{"cidr": "10.96.0.1/32", "port": 443, "because": "the API server says whose token it is shown"}],
        }
    ]
    used = [f"{each['segment']}/{each['name']}" for each in found["workloads"] if {*GRANTS} & each.keys()]
    found["flows"] += [
        {"from": source, "to": "keys/openbao", "port": port, "because": "seals and opens what it is granted, or is a member"}
        for source, port in (*((source, "https") for source in used), ("keys/openbao", "https"), ("keys/openbao", "raft"))
    ]
    found["signers"] = [*found.get("signers", []), {"name": "bench", "publicKeys": [PUBLIC_KEY], "workload": "evaluation/judge"}]
    provider = {"kind": "OIDC", "preset": "Okta", "name": "staff", "people": "Staff", "issuer": issuer, "certificateAuthority": authority}
    found["identity"] = {"people": {"providers": [provider]}}
    found["keys"] = {
        "root": {"kind": "Bootstrap"},
        "vault": {
            "kind": "OpenBao",
            "segment": "keys",
            "image": IMAGE,
            "certificate": "openbao-tls",
            "seal": {"kind": "Static", "secret": "openbao-seal"},
            "administrators": f"staff:{ADMINISTRATORS}",
        },
    }
    return found | change


GRANTS = {"reads": "dataset", "writes": "dataset", "produces": "model", "serves": "model"}
SEALED = base64.b64encode(b"weights").decode()


@dataclass(frozen=True)
class Operation:
    """One thing that somebody may try with a key. `grants` are the fields of the spec by which a workload may."""

    name: str
    method: str
    path: str
    grants: tuple[str, ...] = ()
    body: dict[str, Any] = field(default_factory=dict)


BAD = "vault:v1:" + base64.b64encode(bytes(64)).decode()
OPERATIONS = (
    Operation("encrypt", "POST", "encrypt/{}", ("writes", "produces"), {"plaintext": SEALED}),
    Operation("datakey", "POST", "datakey/plaintext/{}", ("writes", "produces")),
    Operation("decrypt", "POST", "decrypt/{}", ("reads", "serves"), {"ciphertext": BAD}),
    Operation("sign", "POST", "sign/{}", ("signs",), {"input": SEALED}),
    Operation("sign with a hash", "POST", "sign/{}/sha2-256", ("signs",), {"input": SEALED}),
    Operation("read the key", "GET", "keys/{}", ("signs",)),
    Operation("wrapped datakey", "POST", "datakey/wrapped/{}"),
    Operation("rewrap", "POST", "rewrap/{}", (), {"ciphertext": BAD}),
    Operation("verify", "POST", "verify/{}", (), {"input": SEALED, "signature": BAD}),
    Operation("hmac", "POST", "hmac/{}", (), {"input": SEALED}),
    Operation("make the key", "POST", "keys/{}", (), {"type": "aes256-gcm96"}),
    Operation("rotate", "POST", "keys/{}/rotate"),
    Operation("configure", "POST", "keys/{}/config", (), {"deletion_allowed": True}),
    Operation("trim", "POST", "keys/{}/trim", (), {"min_available_version": 1}),
    Operation("delete", "DELETE", "keys/{}"),
    Operation("export", "GET", "export/encryption-key/{}"),
    Operation("export to sign", "GET", "export/signing-key/{}"),
    Operation("backup", "GET", "backup/{}"),
)
GRANTED = tuple(operation for operation in OPERATIONS if operation.grants)
BESIDE = (
    ("GET", "sys/policies/acl/helix.training.notebook"),
    ("POST", "sys/policies/acl/helix.training.notebook"),
    ("GET", "sys/mounts"),
    ("LIST", "helix/transit/keys"),
    ("POST", "auth/token/create"),
    ("GET", "auth/token/lookup-self"),
    ("POST", "auth/helix/kubernetes/role/training.notebook"),
    ("GET", "sys/storage/raft/snapshot"),
    ("POST", "sys/seal"),
    ("GET", "cubbyhole/mine"),
    ("POST", "helix/pki/root/generate/internal"),
)
"""What is about no key of the spec, and nobody's."""


@dataclass
class Vault:
    """OpenBao in the lab, who signs in to it, and what was asked of it."""

    lab: Lab
    factory: Factory
    issuer: Issuer
    rendered: Path
    http: httpx2.Client
    kubelet: Client
    sessions: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> httpx2.Response:
        self.asked[f"{path}/" if method == "LIST" else path] += 1
        headers = {"X-Vault-Token": token} if token else {}
        return self.http.request(method, f"{self.lab.openbao}/v1/{path}", json=body, headers=headers)

    def account_token(self, namespace: str, name: str, audience: str | None = "openbao") -> str:
        """What a kubelet would project into a pod."""
        wanted: dict[str, Any] = {"expirationSeconds": 3600} | ({"audiences": [audience]} if audience else {})
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": wanted}
        answer = self.kubelet.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", request)
        assert answer.status_code == 201, answer.text
        token = str(answer.json()["status"]["token"])
        self.secrets.add(token)
        return token

    def sign_in(self, role: str, token: str) -> httpx2.Response:
        return self.ask("POST", "auth/helix/kubernetes/login", {"role": role, "jwt": token})

    def session(self, workload: str) -> str | None:
        """A workload's token of the vault; None where it has no role."""
        if workload not in self.sessions:
            segment, _, name = workload.partition("/")
            answer = self.sign_in(f"{segment}.{name}", self.account_token(f"helix-{segment}", name))
            if answer.status_code != 200:
                assert answer.status_code in (400, 403), answer.text
                return None
            self.sessions[workload] = str(answer.json()["auth"]["client_token"])
            self.secrets.add(self.sessions[workload])
        return self.sessions[workload]

    def people_token(self, **change: Any) -> str:
        said = {"sub": "alice", "aud": "openbao", "groups": [ADMINISTRATORS], "amr": ["mfa"], "acr": "phr"} | change
        token = self.issuer.token("staff", said)
        self.secrets.add(token)
        return token

    def administrator(self) -> str:
        answer = self.ask("POST", "auth/helix/oidc/login", {"role": "administrator", "jwt": self.people_token()})
        assert answer.status_code == 200, answer.text
        token = str(answer.json()["auth"]["client_token"])
        self.secrets.add(token)
        return token

    def bao(self, *command: str, token: str) -> subprocess.CompletedProcess[str]:
        environment = self.lab.environment() | {"BAO_TOKEN": token, "HOME": str(self.rendered)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.lab.state.logs / "openbao-audit.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """The issuer first, since OpenBao asks for its keys when it initialises itself; then the lab, then the factory on it."""
    rendered = tmp_path_factory.mktemp("rendered")
    with Issuer() as issuer, own_lab() as lab:
        data = spec(issuer.url("staff"), issuer.authority)
        render(plan_factory(load_object(data)), rendered)
        lab.up(nodes=STACKS["dev"].parent / "dev.nodes.yaml", vault=rendered / "vault")
        deployed: Deployed = deploy_on(lab, data)
        trust = ssl.create_default_context(cafile=str(lab.authority))
        # As a kubelet to the guardrails, and as nobody's node to NodeRestriction, which wants a pod for each token.
        kubelet = Client(lab, lab.user("kubelet-of-the-test", ["system:masters", "system:nodes"]))
        with httpx2.Client(verify=trust, trust_env=False, timeout=30) as http:
            yield Vault(lab, deployed.factory, issuer, rendered, http, kubelet)


def granted(factory: Factory, workload: str, key: str) -> set[str]:
    """By which fields of the spec a workload has to do with a key."""
    kind, _, name = key.partition("-")
    found = {grant for grant, of in GRANTS.items() if of == kind and name in getattr(factory.workload[workload], grant)}
    return found | {"signs" for signer in factory.signers if kind == "signer" and signer.name == name and signer.workload == workload}


def keys(factory: Factory) -> list[str]:
    held = [f"signer-{signer.name}" for signer in factory.signers if signer.workload]
    return [*(f"dataset-{it.name}" for it in factory.datasets), *(f"model-{it.name}" for it in factory.models), *held]


def find_surprises(vault: Vault, operations: Iterable[Operation] = OPERATIONS) -> list[str]:
    """Every cell of workloads x keys x operations that is not as the spec says, both ways."""
    surprises = []
    for workload, key in product(vault.factory.workload, keys(vault.factory)):
        has, token = granted(vault.factory, workload, key), vault.session(workload)
        for operation in operations:
            allowed = bool(has.intersection(operation.grants))
            if token is None:
                may = False
            else:
                answer = vault.ask(operation.method, f"helix/transit/{operation.path.format(key)}", operation.body or None, token)
                # A false ciphertext, or an operation that a key of this kind does not know, is 400: past the policy.
                assert answer.status_code in (200, 204, 400, 403), answer.text
                may = answer.status_code != 403
                if operation.name == "datakey" and answer.status_code == 200:
                    vault.secrets.add(str(answer.json()["data"]["plaintext"]))
            if may != allowed:
                surprises.append(f"{workload} {'may' if may else 'may not'} {operation.name} {key}")
    return surprises


def test_comes_up_initialised_and_unsealed(vault: Vault) -> None:
    """From the rendered configuration alone; nobody can initialise it again, and there is no share of a key with which to make a root
    token."""
    health = vault.ask("GET", "sys/health").json()
    assert (health["initialized"], health["sealed"], health["standby"]) == (True, False, False)
    assert vault.ask("POST", "sys/init", {"secret_shares": 1, "secret_threshold": 1}).status_code == 400
    for path in ("sys/generate-root/attempt", "sys/rekey/init", "sys/rekey-recovery-key/init"):
        assert vault.ask("POST", path, {"secret_shares": 1, "secret_threshold": 1}).status_code >= 400, path
    revoked = [entry for entry in vault.audit() if entry["request"]["path"] == "auth/token/revoke-self"]
    assert revoked, "the token that initialised it is gone"


def test_matrix(vault: Vault) -> None:
    """Each workload of the dev stack can do with each key exactly what the spec grants it: nothing less, nothing more."""
    assert find_surprises(vault) == []
    signed_in = set(vault.sessions)
    expected = {
        workload for workload in vault.factory.workload if any(granted(vault.factory, workload, key) for key in keys(vault.factory))
    }
    assert signed_in == expected
    assert len(expected) >= 10


def test_nothing_beside_the_keys(vault: Vault) -> None:
    """No workload has a way to the rest of the vault."""
    for workload in sorted(vault.sessions):
        for method, path in BESIDE:
            assert vault.ask(method, path, {}, vault.sessions[workload]).status_code == 403, (workload, method, path)


def test_who_is_who(vault: Vault) -> None:
    """A role takes the token of its own workload, for this audience, and no other."""
    roles = [workload.replace("/", ".") for workload in sorted(vault.sessions)]
    tokens = {
        workload: vault.account_token(f"helix-{workload.split('/')[0]}", workload.split("/")[1]) for workload in vault.factory.workload
    }
    for workload, role in product(tokens, roles):
        answer = vault.sign_in(role, tokens[workload])
        assert (answer.status_code == 200) == (workload.replace("/", ".") == role), (workload, role, answer.text)
    for audience in (None, "helix.example", "vault"):
        token = vault.account_token("helix-training", "fraud-trainer", audience)
        assert vault.sign_in("training.fraud-trainer", token).status_code >= 400, audience
    stranger = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "fraud-trainer", "namespace": "default"}}
    vault.kubelet.create(stranger)
    assert vault.sign_in("training.fraud-trainer", vault.account_token("default", "fraud-trainer")).status_code >= 400
    forged = tokens["training/fraud-trainer"][:-4] + "AAAA"
    assert vault.sign_in("training.fraud-trainer", forged).status_code >= 400


def test_sealed_by_one_opened_by_another(vault: Vault) -> None:
    """What the producer seals the server opens, and after a rotation too; what is sealed then has the new version."""
    producer, server, admin = vault.session("training/fraud-trainer"), vault.session("scoring/fraud-server"), vault.administrator()

    def seal() -> str:
        answer = vault.ask("POST", "helix/transit/encrypt/model-fraud", {"plaintext": SEALED}, producer)
        return str(answer.json()["data"]["ciphertext"])

    def opened(ciphertext: str) -> str:
        answer = vault.ask("POST", "helix/transit/decrypt/model-fraud", {"ciphertext": ciphertext}, server)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["plaintext"])

    old = seal()
    assert opened(old) == SEALED
    assert vault.ask("POST", "helix/transit/keys/model-fraud/rotate", {}, admin).status_code in (200, 204)
    new = seal()
    assert (old.split(":")[1], new.split(":")[1]) == ("v1", "v2")
    assert opened(new) == opened(old) == SEALED
    read = vault.ask("GET", "helix/transit/keys/model-fraud", None, admin).json()["data"]
    assert read["auto_rotate_period"] == 720 * 3600
    assert (read["deletion_allowed"], read["exportable"], read["allow_plaintext_backup"]) == (False, False, False)


REFUSED_PEOPLE = {
    "another audience": {"aud": "kubernetes"},
    "another group": {"groups": ["engineers"]},
    "no group": {"groups": []},
    "no second factor": {"amr": ["pwd"], "acr": "pwd"},
    "over": {"exp": int(time.time()) - 600, "iat": int(time.time()) - 900},
}


@pytest.mark.parametrize("change", REFUSED_PEOPLE.values(), ids=REFUSED_PEOPLE)
def test_people_who_are_no_administrators(vault: Vault, change: dict[str, Any]) -> None:
    """Administrators are of their group and signed in with a second factor, for this vault."""
    answer = vault.ask("POST", "auth/helix/oidc/login", {"role": "administrator", "jwt": vault.people_token(**change)})
    assert answer.status_code >= 400


def test_administrators_never_see_a_key(vault: Vault) -> None:
    """They make keys and rotate them; to use, export, copy or delete one, or to make that possible, is refused."""
    admin = vault.administrator()
    for operation in OPERATIONS:
        if operation.name not in ("read the key", "make the key", "rotate", "configure"):
            path = f"helix/transit/{operation.path.format('model-fraud')}"
            assert vault.ask(operation.method, path, operation.body or None, admin).status_code == 403, operation.name
    for parameter in ("deletion_allowed", "exportable", "allow_plaintext_backup"):
        for yes in (True, "true", 1, "1", "TRUE"):
            answer = vault.ask("POST", "helix/transit/keys/model-fraud/config", {parameter: yes}, admin)
            read = vault.ask("GET", "helix/transit/keys/model-fraud", None, admin).json()["data"]
            assert read[parameter] is False, (parameter, yes, answer.status_code)
    for path in ("sys/policies/acl/root", "sys/policies/acl/other", "sys/auth/mine", "sys/mounts/mine", "auth/token/create", "sys/seal"):
        assert vault.ask("POST", path, {"policy": 'path "*" { capabilities = ["sudo"] }', "type": "kv"}, admin).status_code == 403, path


def test_matrix_can_fail(vault: Vault) -> None:
    """With one line of one policy gone the matrix says which cells differ; with one too many likewise; `apply.sh` puts both right."""
    admin, policy = vault.administrator(), "sys/policies/acl/helix.scoring.fraud-server"
    text = vault.ask("GET", policy, None, admin).json()["data"]["policy"]
    assert (
        vault.ask("POST", policy, {"policy": text.replace("helix/transit/decrypt/", "helix/transit/decrypt/no-")}, admin).status_code == 204
    )
    more = text + '\npath "helix/transit/decrypt/dataset-claims" {\n  capabilities = ["update"]\n}\n'
    assert find_surprises(vault, GRANTED) == ["scoring/fraud-server may not decrypt model-fraud"]
    assert vault.ask("POST", policy, {"policy": more}, admin).status_code == 204
    assert find_surprises(vault, GRANTED) == ["scoring/fraud-server may decrypt dataset-claims"]
    done = vault.bao("sh", str(vault.rendered / "vault/apply.sh"), token=admin)
    assert done.returncode == 0, done.stdout + done.stderr
    assert find_surprises(vault, GRANTED) == []


def test_applied_again_after_the_spec_has_changed(vault: Vault, tmp_path: Path) -> None:
    """`apply.sh` changes nothing when nothing changed, and takes away what the spec no longer grants: policy and role."""
    admin = vault.administrator()

    def state() -> dict[str, Any]:
        roles = vault.ask("LIST", "auth/helix/kubernetes/role", None, admin).json()["data"]["keys"]
        policies = [name for name in vault.ask("LIST", "sys/policies/acl", None, admin).json()["data"]["keys"] if name.startswith("helix.")]
        read = lambda path: vault.ask("GET", path, None, admin).json()["data"]  # noqa: E731
        return {path: read(path) for path in (f"auth/helix/kubernetes/role/{role}" for role in roles)} | {
            path: read(path)["policy"] for path in (f"sys/policies/acl/{name}" for name in policies)
        }

    before = state()
    data = spec(vault.issuer.url("staff"), vault.issuer.authority)
    notebook = next(workload for workload in data["workloads"] if workload["name"] == "notebook")
    del notebook["reads"]
    data["flows"] = [flow for flow in data["flows"] if (flow["from"], flow["to"]) != ("training/notebook", "keys/openbao")]
    render(plan_factory(load_object(data)), tmp_path)
    for folder, gone in ((vault.rendered, set[str]()), (tmp_path, {"auth/helix/kubernetes/role/", "sys/policies/acl/helix."})):
        done = vault.bao("sh", str(folder / "vault/apply.sh"), token=admin)
        assert done.returncode == 0, done.stdout + done.stderr
        assert before.keys() - state().keys() == {f"{path}training.notebook" for path in gone}
    again = vault.bao("sh", str(vault.rendered / "vault/apply.sh"), token=admin)
    assert again.returncode == 0, again.stdout + again.stderr
    assert state() == before


def test_killed_while_it_writes(vault: Vault) -> None:
    """Everything that was acknowledged before a kill is there afterwards, and it comes back unsealed by itself."""
    admin, acknowledged, stop = vault.administrator(), [], threading.Event()
    process = recorded(vault.lab.state.processes, "openbao")
    assert process
    trust = ssl.create_default_context(cafile=str(vault.lab.authority))

    def write(lane: int) -> None:
        with httpx2.Client(verify=trust, trust_env=False, timeout=10, headers={"X-Vault-Token": admin}) as http:
            for number in range(100_000):
                name = f"helix.kill-{lane}-{number}"
                try:
                    answer = http.put(f"{vault.lab.openbao}/v1/sys/policies/acl/{name}", json={"policy": f"# {name}"})
                except httpx2.HTTPError:
                    return
                if answer.status_code == 204:
                    acknowledged.append(name)
                if stop.is_set():
                    return

    lanes = [threading.Thread(target=write, args=(lane,)) for lane in range(4)]
    for lane in lanes:
        lane.start()
    wait_until(lambda: len(acknowledged) > 40, "40 writes were acknowledged")
    os.kill(process.pid, signal.SIGKILL)
    stop.set()
    for lane in lanes:
        lane.join(PATIENCE)
    assert vault.lab.up() == ["openbao"]
    vault.sessions.clear()
    admin = vault.administrator()
    there = set(vault.ask("LIST", "sys/policies/acl", None, admin).json()["data"]["keys"])
    assert set(acknowledged) <= there
    name = acknowledged[-1]
    assert vault.ask("GET", f"sys/policies/acl/{name}", None, admin).json()["data"]["policy"] == f"# {name}"
    done = vault.bao("sh", str(vault.rendered / "vault/apply.sh"), token=admin)
    assert done.returncode == 0, done.stdout + done.stderr
    assert find_surprises(vault, GRANTED) == []


def test_every_request_is_in_the_audit_log(vault: Vault) -> None:
    """What was asked, refused or not, is written down once as request and once as response. Health and status are nobody's business."""
    told = Counter(entry["request"]["path"] for entry in vault.audit() if entry["type"] == "request")
    answered = Counter(entry["request"]["path"] for entry in vault.audit() if entry["type"] == "response")
    silent = ("sys/health", "sys/init", "sys/generate-root/attempt", "sys/rekey/init", "sys/rekey-recovery-key/init")
    asked = {path: count for path, count in vault.asked.items() if path not in silent}
    assert {path: (count, told[path]) for path, count in asked.items() if told[path] < count} == {}
    asked.pop("sys/seal")  # refused without a response entry
    assert {path: (count, answered[path]) for path, count in asked.items() if answered[path] < count} == {}
    assert sum(asked.values()) > 3000


TOKEN = re.compile(rb"\b(?:hv)?[sbr]\.[A-Za-z0-9_-]{24,}|\beyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.")
"""A token of OpenBao or Vault, or a JWT."""


def test_no_secret_is_anywhere(vault: Vault) -> None:
    """No token, data key, key of the seal or ServiceAccount token is in what was rendered, logged, audited, recorded or stored."""
    seal = next((vault.lab.state.folder / "openbao").glob("*/seal.key")).read_bytes()
    # All of them by their form, where there is text; each third to the letter, everywhere.
    sentinels = {secret.encode() for secret in sorted(vault.secrets)[::3]} | {seal, seal.hex().encode(), base64.b64encode(seal)}
    assert len(sentinels) > 30
    searched = 0
    for root in (vault.rendered, vault.lab.state.folder):
        for path in (path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and path.name != "seal.key"):
            content = path.read_bytes()
            searched += 1
            found = [secret[:12] for secret in sentinels if secret in content]
            assert not found, (path, found)
            if path.suffix in (".log", ".json", ".yaml", ".hcl", ".sh"):
                assert not TOKEN.search(content), (path, TOKEN.search(content))
    assert searched > 100


def test_members_are_admitted(vault: Vault) -> None:
    """The StatefulSet that the deployer made becomes three pods and their three volume claims, under all guardrails; the same claim by an
    administrator, and any other by the controller, is refused."""

    def listed(kind: str) -> set[str]:
        items = vault.kubelet.get(f"/api/v1/namespaces/helix-keys/{kind}")["items"]
        return {item["metadata"]["name"] for item in items}

    wait_until(lambda: listed("pods") >= {f"openbao-{member}" for member in range(3)}, "three members")
    assert listed("persistentvolumeclaims") == {f"data-openbao-{member}" for member in range(3)}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-openbao-0", "namespace": "helix-training"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    controller = Client(vault.lab, vault.lab.user("system:serviceaccount:kube-system:statefulset-controller", ["system:masters"]))
    for name, namespace, by in (
        ("data-openbao-0", "helix-training", controller),
        ("data-openbao-9", "helix-keys", controller),
        ("data-other-0", "helix-keys", controller),
        ("data-openbao-2", "helix-keys", vault.kubelet),
    ):
        claim["metadata"] = {"name": name, "namespace": namespace}
        answer = by.request("POST", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", claim, dryRun="All")
        assert answer.status_code == 422 or "ZG07" in answer.text, (name, namespace, answer.text)
        assert answer.status_code != 409, (name, namespace)


def test_reviewer_reviews_tokens_and_nothing_else(vault: Vault) -> None:
    """OpenBao's own identity asks the API server whose a token is; no other right comes with it."""
    own = vault.account_token("helix-keys", "openbao", None)
    server = yaml.safe_load(vault.lab.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]

    def post(path: str, body: Any) -> httpx2.Response:
        return vault.http.post(f"{server}{path}", json=body, headers={"Authorization": f"Bearer {own}"})

    shown = vault.account_token("helix-training", "fraud-trainer")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": shown, "audiences": ["openbao"]}}
    answer = post("/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"]["user"]["username"] == "system:serviceaccount:helix-training:fraud-trainer"
    access = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": "x"}}
    assert post("/apis/authorization.k8s.io/v1/subjectaccessreviews", access).status_code == 403
    rules = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "helix-keys"}}
    said = post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", rules).json()["status"]["resourceRules"]
    held = {(verb, resource) for rule in said for verb in rule["verbs"] for resource in rule["resources"]}
    assert held == {("create", "tokenreviews")} | {
        ("create", f"self{review}") for review in ("subjectaccessreviews", "subjectrulesreviews", "subjectreviews")
    }


def test_audited_and_drilled(vault: Vault, tmp_path: Path) -> None:
    """`factory audit` finds the live OpenBao as planned, and sees a policy that was changed; `factory drill` finds no way around it."""
    stack = tmp_path / "Pulumi.keys.yaml"
    data = spec(vault.issuer.url("staff"), vault.issuer.authority)
    stack.write_text(yaml.safe_dump({"config": {"ai-factory:spec": data}}))

    def factory(*command: str) -> subprocess.CompletedProcess[str]:
        called = [sys.executable, "-m", "factory", *command, str(stack)]
        return subprocess.run(called, env=vault.lab.environment(), capture_output=True, text=True, check=False, timeout=300)

    def about_keys() -> list[str]:
        found = factory("audit", "--format", "json")
        assert found.returncode in (0, 3), found.stderr
        return [line for line in found.stdout.splitlines() if "helix-keys" in line and ("openbao" in line or "StatefulSet" in line)]

    assert about_keys() == []
    root = Client(vault.lab, "lab-admin")
    path = "/api/v1/namespaces/helix-keys/configmaps/openbao-policies"
    held = root.get(path)["data"]["helix.training.notebook.hcl"]
    deployer = Client(vault.lab, vault.factory.deployer.user)
    merge, back = "application/merge-patch+json", {"data": {"helix.training.notebook.hcl": held}}
    wide = {"data": {"helix.training.notebook.hcl": held.replace("dataset-features", "*")}}
    assert root.request("PATCH", path, wide, merge).status_code == 403, "ZG07: the deployer alone"
    assert deployer.request("PATCH", path, wide, merge).status_code == 200
    assert any("openbao-policies" in line for line in about_keys())
    assert deployer.request("PATCH", path, back, merge).status_code == 200
    assert about_keys() == []

    drilled = factory("drill", "--context", "lab-admin", "--only", "key theft")
    assert drilled.returncode == 0, drilled.stdout + drilled.stderr
    assert "somebody else makes the volume claim of a member" in drilled.stdout
