"""OpenBao, the registry's doors, cosign and Kyverno's admission controller for real, in one lab that this module starts and ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from lab import Lab, LabError
from lab.certificate import Authority
from lab.credentials import Credentials
from lab.process import Process, recorded

pytestmark = pytest.mark.lab

POLICY = "".join(f'path "demo/transit/{verb}/model-fraud" {{ capabilities = ["update"] }}\n' for verb in ("encrypt", "decrypt"))
SERVER = {
    "listener": [
        {"tcp": {"address": "[::]:8200", "tls_cert_file": "/etc/openbao/tls/tls.crt", "tls_key_file": "/etc/openbao/tls/tls.key"}}
    ],
    "seal": [{"static": {"current_key_id": "1", "current_key": "file:///etc/openbao/seal/key"}}],
    "audit": [{"type": "file", "path": "log", "options": {"file_path": "stdout"}}],
}
CLUSTER = {
    name.lower(): {"eval_type": "string", "eval_source": "env", "env_var": name}
    for name in ("KUBERNETES_HOST", "KUBERNETES_CA_CERT", "TOKEN_REVIEWER_JWT")
}
ROLE = {
    "bound_service_account_names": ["server"],
    "bound_service_account_namespaces": ["default"],
    "audience": "openbao",
    "token_type": "batch",
    "token_ttl": 900,
    "token_policies": ["demo.server"],
}
REQUESTS = {
    "transit": ("sys/mounts/demo/transit", {"type": "transit"}),
    "key": ("demo/transit/keys/model-fraud", {"type": "aes256-gcm96"}),
    "kubernetes": ("sys/auth/demo/kubernetes", {"type": "kubernetes"}),
    "cluster": ("auth/demo/kubernetes/config", CLUSTER),
    "policy": (
        "sys/policies/acl/demo.server",
        {"policy": {"eval_type": "string", "eval_source": "file", "path": "/etc/openbao/server.hcl"}},
    ),
    "role": ("auth/demo/kubernetes/role/server", ROLE),
}


def rendered(folder: Path, requests: dict[str, tuple[str, Any]]) -> Path:
    """A configuration that initialises itself by *requests*."""
    stanzas = [{name: {"operation": "update", "path": path, "data": data}} for name, (path, data) in requests.items()]
    first = {"storage": {"raft": {"path": "/var/lib/openbao"}}, "initialize": [{"demo": {"request": stanzas}}]}
    (folder / "server.json").write_text(json.dumps(SERVER))
    (folder / "first.json").write_text(json.dumps(first))
    (folder / "server.hcl").write_text(POLICY)
    return folder


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab of our own state folder, with keys and models."""
    folder = rendered(tmp_path_factory.mktemp("vault"), REQUESTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        lab = Lab("guarded")
        try:
            lab.up(extras=["models"], vault=folder)
            yield lab
        finally:
            lab.down()


def run(lab: Lab, *command: str, text: str | None = None) -> str:
    done = attempt(lab, *command, text=text)
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"
    return done.stdout


def attempt(lab: Lab, *command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = lab.environment() | {"HOME": str(lab.state.folder), "COSIGN_PASSWORD": "", "COSIGN_YES": "true"}
    return subprocess.run(
        command, env=environment, input=text, capture_output=True, text=True, timeout=120, check=False, cwd=lab.state.folder
    )


def process(lab: Lab, program: str) -> Process:
    found = recorded(lab.state.processes, program)
    assert found
    return found


def kill(lab: Lab, program: str) -> None:
    """The hard way; the next `up` starts it again."""
    victim = process(lab, program)
    os.kill(victim.pid, signal.SIGKILL)
    wait_for(lambda: not victim.alive)


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.1)


def bao(lab: Lab, path: str, body: dict[str, object], token: str = "") -> dict[str, dict[str, str]]:
    request = Request(f"{lab.openbao}/v1/{path}", json.dumps(body).encode(), {"X-Vault-Token": token}, method="POST")
    with urlopen(request, context=ssl.create_default_context(cafile=str(lab.authority)), timeout=30) as answer:
        return json.load(answer)


def sign_in(lab: Lab, account: str) -> str:
    run(lab, "kubectl", "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}))
    jwt = run(lab, "kubectl", "create", "token", account, "--audience", "openbao").strip()
    return bao(lab, "auth/demo/kubernetes/login", {"role": "server", "jwt": jwt})["auth"]["client_token"]


def oras(lab: Lab, door: str, verb: str, *arguments: str, writer: tuple[Path, Path] | None = None) -> subprocess.CompletedProcess[str]:
    shown = [f"--cert-file={writer[0]}", f"--key-file={writer[1]}"] if writer else []
    return attempt(lab, "oras", *verb.split(), f"{door}/models/{arguments[0]}", *arguments[1:], f"--ca-file={lab.authority}", *shown)


def push(lab: Lab, name: str, content: str) -> str:
    """A small artifact by the write door. Returns its digest."""
    (lab.state.folder / "weights.bin").write_text(content)
    pushed = oras(lab, lab.registry_write, "push", name, "weights.bin", writer=(lab.writer.certificate, lab.writer.key))
    assert pushed.returncode == 0, pushed.stderr
    return next(line.split()[1] for line in pushed.stdout.splitlines() if line.startswith("Digest:"))


def test_all_of_it_runs_is_listed_and_starts_once(lab: Lab) -> None:
    """`lab status`, `lab log` and `lab env` know each program; a second `up` starts nothing, and needs no folder again."""
    assert {row.program for row in lab.status()} > {"openbao", "kyverno", "registry-write", "registry-read"}
    assert {row.state for row in lab.status()} == {"running"}
    assert {row.program: row.version for row in lab.status()}["openbao"] == "2.7.2"
    assert all(lab.log(row.program).exists() for row in lab.status())
    environment = lab.environment()
    assert environment["BAO_ADDR"] == environment["VAULT_ADDR"] == lab.openbao
    assert environment["LAB_REGISTRY_READ"] == lab.registry_read != lab.registry_write == environment["LAB_REGISTRY_WRITE"]
    assert run(lab, "bao", "status", "-format=json")
    assert "v3.1.3" in run(lab, str(lab.executable("cosign")), "version")
    assert lab.up(extras=["keys", "models"]) == []


def test_every_port_is_loopbacks(lab: Lab) -> None:
    """None of the programs is reachable from elsewhere."""
    listening = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    where = {int(line[1].rpartition(":")[2], 16): line[1].rpartition(":")[0] for line in listening if line[3] == "0A"}
    for row in lab.status():
        ports = process(lab, row.program).ports.values()
        assert row.port in where, row.program
        assert {where[port] for port in ports if port in where} == {"0100007F"}, row.program  # a raft of one needs no port for members


def test_workloads_sign_in_to_openbao_with_the_labs_tokens(lab: Lab) -> None:
    """It came up initialised and unsealed, asks this lab's API server whose a token is, and lets nobody else in. All of it is audited."""
    token = sign_in(lab, "server")
    sealed = bao(lab, "demo/transit/encrypt/model-fraud", {"plaintext": "d2VpZ2h0cw=="}, token)["data"]["ciphertext"]
    assert bao(lab, "demo/transit/decrypt/model-fraud", {"ciphertext": sealed}, token)["data"]["plaintext"] == "d2VpZ2h0cw=="
    for refused in (lambda: sign_in(lab, "stranger"), lambda: bao(lab, "demo/transit/rewrap/model-fraud", {"ciphertext": sealed}, token)):
        with pytest.raises(HTTPError, match="403"):
            refused()
    audited = [json.loads(line) for line in (lab.state.logs / "openbao-audit.log").read_text().splitlines()]
    assert "demo/transit/decrypt/model-fraud" in {entry["request"]["path"] for entry in audited}


def test_a_killed_openbao_is_named_and_comes_back_unsealed_with_its_keys(lab: Lab) -> None:
    """What was sealed before is opened after; `up` starts that one program."""
    token = sign_in(lab, "server")
    sealed = bao(lab, "demo/transit/encrypt/model-fraud", {"plaintext": "a2VwdA=="}, token)["data"]["ciphertext"]
    kill(lab, "openbao")
    (dead,) = (row for row in lab.status() if row.state == "dead")
    assert dead.program == "openbao"
    assert "OpenBao server started" in dead.detail or "INFO" in dead.detail
    assert lab.up() == ["openbao"]
    assert bao(lab, "demo/transit/decrypt/model-fraud", {"ciphertext": sealed}, sign_in(lab, "server"))["data"]["plaintext"] == "a2VwdA=="


def test_no_root_token_or_seal_key_is_in_the_logs(lab: Lab) -> None:
    """Nothing is handed out at the first start."""
    said = b"".join(path.read_bytes() for path in lab.state.logs.iterdir())
    (seal,) = lab.state.folder.glob("openbao/*/seal.key")
    assert seal.read_bytes() not in said
    assert seal.read_bytes().hex().encode() not in said
    assert b"Root Token" not in said
    assert b"Recovery Key" not in said


def test_the_write_door_wants_a_writers_certificate_and_the_read_door_writes_nothing(lab: Lab, tmp_path: Path) -> None:
    """Refused: no certificate, the cluster administrator's, one of a foreign authority of the same name. What is written can be read."""
    digest = push(lab, "doors:1", "first")
    assert f'"digest":"{digest}"' in oras(lab, lab.registry_read, "manifest fetch", "doors:1", "--descriptor").stdout.replace(" ", "")
    foreign = Authority(tmp_path, "writers").issue("registry-writer")
    admin = Credentials(lab.state).admin
    for writer in (None, (admin.certificate, admin.key), (foreign.certificate, foreign.key)):
        refused = oras(lab, lab.registry_write, "push", "doors:2", "weights.bin", writer=writer)
        assert refused.returncode != 0
    by_read_door = oras(lab, lab.registry_read, "push", "doors:2", "weights.bin", writer=(lab.writer.certificate, lab.writer.key))
    assert "405" in by_read_door.stderr
    assert "not found" in oras(lab, lab.registry_read, "manifest fetch", "doors:2").stderr


def test_kyverno_admits_a_signed_model_and_refuses_every_other(lab: Lab) -> None:
    """It reads signatures by the read door and trusts the lab's authority; stopped, it refuses all that it would look at."""
    key = lab.state.folder / "release"
    run(lab, "cosign", "generate-key-pair", f"--output-key-prefix={key.name}")
    run(lab, "cosign", "signing-config", "create", "--out=signing.json")
    policy = {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": {"name": "signed-models"},
        "spec": {
            "failurePolicy": "Fail",
            "validationActions": ["Deny"],
            "matchConstraints": {
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
            },
            "matchConditions": [{"name": "models", "expression": "object.spec.?volumes.orValue([]).exists(v, has(v.image))"}],
            "images": [
                {
                    "name": "models",
                    "expression": "(object != null ? object : oldObject).spec.?volumes.orValue([])"
                    ".filter(v, has(v.image)).map(v, v.image.reference)",
                }
            ],
            "matchImageReferences": [{"glob": f"{lab.registry_read}/*"}],
            "attestors": [
                {
                    "name": "release",
                    "cosign": {
                        "key": {"data": key.with_suffix(".pub").read_text()},
                        "ctlog": {"insecureIgnoreTlog": True, "insecureIgnoreSCT": True},
                    },
                }
            ],
            "validationConfigurations": {"mutateDigest": False, "verifyDigest": True, "required": True},
            "autogen": {"podControllers": {"controllers": []}},
            "validations": [
                {
                    "expression": "images.models.all(i, verifyImageSignatures(i, [attestors.release]) > 0)",
                    "message": "not signed by release",
                }
            ],
        },
    }
    run(lab, "kubectl", "apply", "--server-side", "-f", "-", text=json.dumps(policy))
    wait_for(lambda: "not signed" in mount(lab, f"fraud@{push(lab, 'fraud:0', 'unsigned')}").stderr)
    digest = push(lab, "fraud:1", "signed")
    assert "not signed by release" in mount(lab, f"fraud@{digest}").stderr
    run(
        lab,
        *("cosign", "sign", f"--key={key.name}.key", "--signing-config=signing.json", f"--registry-cacert={lab.authority}"),
        *(f"--registry-client-cert={lab.writer.certificate}", f"--registry-client-key={lab.writer.key}"),
        f"{lab.registry_write}/models/fraud@{digest}",
    )
    verify = ("cosign", "verify", "--key=release.pub", "--insecure-ignore-tlog", f"--registry-cacert={lab.authority}")
    run(lab, *verify, f"{lab.registry_read}/models/fraud@{digest}")
    assert mount(lab, f"fraud@{digest}").returncode == 0
    assert mount(lab, f"other@{digest}").returncode != 0
    kill(lab, "kyverno")
    assert "failed calling webhook" in mount(lab, f"fraud@{digest}").stderr
    assert lab.up() == ["kyverno"]
    wait_for(lambda: mount(lab, f"fraud@{digest}").returncode == 0)
    run(lab, "kubectl", "delete", "imagevalidatingpolicy", "signed-models")


def mount(lab: Lab, artifact: str) -> subprocess.CompletedProcess[str]:
    """A pod with *artifact* as an image volume; the server says what it would do."""
    volumes = [{"name": "model", "image": {"reference": f"{lab.registry_read}/models/{artifact}"}}]
    spec = {"containers": [{"name": "main", "image": "example.test/image"}], "volumes": volumes}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "server"}, "spec": spec}
    return attempt(lab, "kubectl", "create", "--dry-run=server", "-f", "-", text=json.dumps(pod))


def test_another_lab_has_doors_writers_and_keys_of_its_own(lab: Lab, tmp_path: Path) -> None:
    """Side by side, on other ports; a writer of the one is a stranger to the other; ending one leaves the other alone.

    An OpenBao whose initialisation fails says at which request, and that failure does not outlive its configuration.
    """
    other = Lab("beside")
    try:
        other.up(extras=["models"])
        assert not {other.registry_read, other.registry_write} & {lab.registry_read, lab.registry_write}
        (lab.state.folder / "weights.bin").write_text("theirs")
        refused = oras(lab, lab.registry_write, "push", "beside:1", "weights.bin", writer=(other.writer.certificate, other.writer.key))
        assert refused.returncode != 0
        with pytest.raises(LabError, match="no openbao"):
            _ = other.openbao
        with pytest.raises(
            LabError, match=r"(?s)openbao ended while starting\. The end of .*openbao\.log:.*request\.\[wrong .*unsupported path"
        ):
            other.up(vault=rendered(tmp_path, REQUESTS | {"wrong": ("sys/nonsense", {"a": "b"})}))
        assert other.up(vault=rendered(tmp_path, REQUESTS)) == ["openbao"]
        assert other.openbao != lab.openbao
        assert {"kyverno", "registry-read", "registry-write"} < set(other.down())
    finally:
        other.down()
    assert {row.state for row in lab.status()} == {"running"}


def test_down_ends_them_all(lab: Lab) -> None:
    """Last in this module: nothing of it runs on, nothing is kept."""
    processes = [process(lab, row.program) for row in lab.status()]
    assert {"openbao", "kyverno", "registry-write", "registry-read"} < set(lab.down())
    assert not [each.program for each in processes if each.alive]
    assert not lab.state.folder.exists()
