"""The lab for real: programs start, die, are repaired and end. Each test ends what it started."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import Lab, LabError
from lab.api import Api, ask
from lab.credentials import Credentials
from lab.process import Process, recorded
from lab.server import SERVERS

pytestmark = pytest.mark.lab

NODES = "- {name: gpu, count: 2, labels: {pool: h100}, capacity: {nvidia.com/gpu: 8}}\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder of our own: the user's labs are neither seen nor touched."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def shared(home: Path) -> Iterator[Lab]:
    """One running lab with two nodes, for tests that leave it as it was."""
    nodes = home / "nodes.yaml"
    nodes.write_text(NODES)
    lab = Lab("shared")
    try:
        lab.up(nodes=nodes)
        yield lab
    finally:
        lab.down()


@pytest.fixture
def lab(home: Path) -> Iterator[Lab]:
    """A lab that was never up, for tests that break it."""
    lab = Lab("fresh")
    try:
        yield lab
    finally:
        lab.down()


def run(lab: Lab, *command: str, **options: object) -> str:
    result = subprocess.run(command, env=lab.environment(), capture_output=True, text=True, timeout=120, check=False, **options)  # type: ignore[call-overload]
    assert result.returncode == 0, f"{shlex.join(command)}: {result.stderr}"
    return str(result.stdout)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "lab", *arguments], capture_output=True, text=True, timeout=120, check=False)


def processes(lab: Lab) -> dict[str, Process]:
    found = {server.program: recorded(lab.state.processes, server.program) for server in SERVERS}
    return {name: process for name, process in found.items() if process}


def running_under(folder: Path) -> list[str]:
    """Commands of all processes of this machine that name *folder*, however they came to be."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{folder}/" in text and path.parent.name != str(os.getpid()):
            found.append(text)
    return found


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.05)


def states(lab: Lab) -> dict[str, str]:
    return {row.program: row.state for row in lab.status()}


def test_kubectl_reaches_a_ready_api_server_of_the_pinned_version(shared: Lab) -> None:
    """With nothing but the lab's environment, kubectl talks to it as an administrator."""
    assert run(shared, "kubectl", "get", "--raw", "/readyz") == "ok"
    version = json.loads(run(shared, "kubectl", "version", "-o", "json"))
    assert version["serverVersion"]["gitVersion"] == version["clientVersion"]["gitVersion"] == "v1.36.3"
    assert set(states(shared).values()) == {"running"}


def test_a_stranger_is_not_even_told_the_version(shared: Lab) -> None:
    """No anonymous access: without a client certificate every path is refused."""
    port = processes(shared)["kube-apiserver"].ports["https"]
    assert "401" in ask(port, "/version", Credentials(shared.state).cluster.context())


def test_etcd_refuses_the_api_servers_users(shared: Lab) -> None:
    """The administrator of the API server has no way into etcd: it wants a certificate of its own authority."""
    credentials = Credentials(shared.state)
    ports = processes(shared)["etcd"].ports
    context = credentials.etcd.context()
    assert ask(ports["client"], "/health", credentials.etcd.context(credentials.etcd_client)) == "ok"
    context.load_cert_chain(credentials.admin.certificate, credentials.admin.key)
    for port in ports.values():
        assert ask(port, "/health", context) != "ok"
        assert ask(port, "/health", credentials.etcd.context()) != "ok"


def test_every_port_speaks_tls_on_loopback_only(shared: Lab) -> None:
    """Nothing answers in plain text, and nothing listens beyond this machine."""
    context = ssl.create_default_context()
    for name, process in processes(shared).items():
        for port in process.ports.values():
            with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(plain, server_hostname="localhost")
        listening = run(shared, "sh", "-c", f"ls -l /proc/{process.pid}/fd").count("socket:")
        assert listening, name
        addresses = {
            line.split()[1].partition(":")[0]
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            if line.split()[3] == "0A" and int(line.split()[1].rpartition(":")[2], 16) in process.ports.values()
        }
        assert addresses == {"0100007F"}, name


def test_nodes_get_ready_and_hold_what_the_file_says(shared: Lab) -> None:
    """Fake nodes are Ready, labelled, and offer their GPUs; the same file again writes nothing."""
    run(shared, "kubectl", "wait", "--for=condition=Ready", "node", "--all", "--timeout=30s")
    nodes = json.loads(run(shared, "kubectl", "get", "nodes", "-l", "pool=h100", "-o", "json"))["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["gpu-0", "gpu-1"]
    assert {node["status"]["allocatable"]["nvidia.com/gpu"] for node in nodes} == {"8"}


def test_a_changed_nodes_file_updates_and_an_unchanged_one_does_not(shared: Lab, home: Path) -> None:
    """Only what differs is written: a label that somebody else added stays."""
    run(shared, "kubectl", "label", "node", "gpu-0", "extra=kept")
    changed = home / "changed.yaml"
    changed.write_text(NODES.replace("gpu: 8", "gpu: 4").replace("count: 2", "count: 3"))
    before = run(shared, "kubectl", "get", "node", "gpu-0", "-o", "jsonpath={.metadata.resourceVersion}")
    shared.up(nodes=home / "nodes.yaml")
    assert run(shared, "kubectl", "get", "node", "gpu-0", "-o", "jsonpath={.metadata.resourceVersion}") == before
    shared.up(nodes=changed)
    node = json.loads(run(shared, "kubectl", "get", "node", "gpu-0", "-o", "json"))
    assert node["status"]["capacity"]["nvidia.com/gpu"] == node["status"]["allocatable"]["nvidia.com/gpu"] == "4"
    assert node["metadata"]["labels"]["extra"] == "kept"
    run(shared, "kubectl", "wait", "--for=condition=Ready", "node", "gpu-2", "--timeout=30s")


def test_pods_run_jobs_complete_and_namespaces_go(shared: Lab) -> None:
    """Scheduler, controllers and fake nodes together carry workloads through their lives, deletion included."""
    container = {"containers": [{"name": "main", "image": "example.test/image"}]}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "life"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "server", "namespace": "life"}, "spec": container},
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "job", "namespace": "life"},
            "spec": {"template": {"spec": {**container, "restartPolicy": "Never"}}},
        },
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    run(shared, "kubectl", "apply", "-f", "-", input=text)
    run(shared, "kubectl", "wait", "-n", "life", "--for=condition=Ready", "pod/server", "--timeout=30s")
    run(shared, "kubectl", "wait", "-n", "life", "--for=condition=Complete", "job/job", "--timeout=30s")
    assert run(shared, "kubectl", "get", "pod", "-n", "life", "server", "-o", "jsonpath={.status.phase}") == "Running"
    run(shared, "kubectl", "delete", "namespace", "life", "--timeout=60s")


def test_pod_security_is_enforced(shared: Lab) -> None:
    """The usual admission plugins are on: a restricted namespace refuses a privileged pod."""
    run(shared, "kubectl", "create", "namespace", "tight")
    run(shared, "kubectl", "label", "namespace", "tight", "pod-security.kubernetes.io/enforce=restricted")
    wait_for(lambda: "default" in run(shared, "kubectl", "get", "serviceaccount", "-n", "tight", "-o", "name"))
    refused = subprocess.run(
        ["kubectl", "run", "-n", "tight", "p", "--image=example.test/image", "--privileged"],
        env=shared.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    run(shared, "kubectl", "delete", "namespace", "tight", "--timeout=60s")
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_up_on_a_running_lab_starts_nothing(shared: Lab) -> None:
    """A second `up` is a no-op: same processes, same certificates."""
    before, kubeconfig = processes(shared), shared.kubeconfig.read_bytes()
    assert shared.up() == []
    assert processes(shared) == before
    assert shared.kubeconfig.read_bytes() == kubeconfig


def test_a_user_is_who_the_certificate_says(shared: Lab) -> None:
    """`lab user` adds a context whose user and groups the API server sees; repeating it changes nothing."""
    for _ in range(2):
        assert shared.user("alice@example.test", ["ml", "ops"], context="alice") == "alice"
        before = shared.kubeconfig.read_bytes()
    assert shared.user("alice@example.test", ["ml", "ops"], context="alice") == "alice"
    assert shared.kubeconfig.read_bytes() == before
    who = json.loads(run(shared, "kubectl", "--context", "alice", "auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert who["username"] == "alice@example.test"
    assert set(who["groups"]) == {"ml", "ops", "system:authenticated"}
    assert run(shared, "kubectl", "config", "current-context").strip() == "lab-admin"
    with pytest.raises(LabError, match="lab-admin is the lab administrator's"):
        shared.user("mallory", context="lab-admin")


def test_two_labs_live_side_by_side(shared: Lab, lab: Lab) -> None:
    """A second lab takes other ports and trusts nobody of the first; ending it leaves the first alone."""
    lab.up()
    ours, theirs = (processes(each) for each in (lab, shared))
    assert not {port for each in ours.values() for port in each.ports.values()} & {
        port for each in theirs.values() for port in each.ports.values()
    }
    stranger = Credentials(lab.state).cluster.context()
    assert "CERTIFICATE_VERIFY_FAILED" in ask(theirs["kube-apiserver"].ports["https"], "/readyz", stranger)
    lab.down()
    assert set(states(shared).values()) == {"running"}


def test_a_killed_etcd_is_named_and_repaired_with_its_data(lab: Lab) -> None:
    """`status` says which program died; `up` starts it again on the same data and leaves the API server, which waited, alone."""
    lab.up()
    run(lab, "kubectl", "create", "configmap", "kept")
    before = processes(lab)
    os.kill(before["etcd"].pid, signal.SIGKILL)
    wait_for(lambda: not before["etcd"].alive)
    assert states(lab)["etcd"] == "dead"
    shown = command("--name", lab.name, "status")
    assert shown.returncode == 3
    assert "etcd is dead" in shown.stdout
    assert "etcd" in lab.up()
    assert run(lab, "kubectl", "get", "configmap", "kept", "-o", "name") == "configmap/kept\n"
    assert processes(lab)["kube-apiserver"] == before["kube-apiserver"]
    assert set(states(lab).values()) == {"running"}


def test_a_taken_port_is_replaced(lab: Lab) -> None:
    """When somebody took the API server's port meanwhile, it gets another, and everybody learns of it."""
    lab.up()
    dead = processes(lab)["kube-apiserver"]
    os.kill(dead.pid, signal.SIGKILL)
    wait_for(lambda: not dead.alive)
    with socket.create_server(("127.0.0.1", dead.ports["https"])):
        lab.up()
        assert processes(lab)["kube-apiserver"].ports != dead.ports
        assert run(lab, "kubectl", "get", "--raw", "/readyz") == "ok"
        assert set(states(lab).values()) == {"running"}


def test_the_api_server_runs_on_the_rendered_files(lab: Lab, tmp_path: Path) -> None:
    """Flags and files of `--control-plane` take effect; changed files restart the API server alone; broken ones are named with its log."""
    files = tmp_path / "rendered"
    files.mkdir()
    (files / "kube-apiserver.yaml").write_text("authorization-config: /etc/kubernetes/factory/authorization.yaml\n")
    authorization = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration"}
    both = {"authorizers": [{"type": "Node", "name": "node"}, {"type": "RBAC", "name": "rbac"}]}
    (files / "authorization.yaml").write_text(json.dumps(authorization | both))
    lab.up(control_plane=files)
    assert lab.up(control_plane=files) == []
    (files / "authorization.yaml").write_text(json.dumps(authorization | {"authorizers": both["authorizers"][::-1]}))
    assert lab.up(control_plane=files) == ["kube-apiserver"]
    (files / "authorization.yaml").write_text(json.dumps(authorization | {"authorizers": [{"type": "Nonsense", "name": "x"}]}))
    with pytest.raises(LabError, match=r"(?s)kube-apiserver ended while starting\. The end of .*kube-apiserver\.log:.*Nonsense"):
        lab.up(control_plane=files)
    assert lab.up() == ["kube-apiserver"]
    assert list(lab.state.control_plane.glob("*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("program", ["etcd", "kube-apiserver", "kube-scheduler"])
def test_an_interrupted_up_can_be_run_again(lab: Lab, number: signal.Signals, program: str) -> None:
    """Whenever and however `up` is interrupted, the next one goes on from there and `down` leaves nothing."""
    with subprocess.Popen(
        [sys.executable, "-m", "lab", "--name", lab.name, "up"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as interrupted:
        wait_for(lambda: recorded(lab.state.processes, program))
        interrupted.send_signal(number)
        interrupted.communicate(timeout=30)
    lab.up()
    assert set(states(lab).values()) == {"running"}
    lab.down()
    assert running_under(lab.state.folder) == []


def test_down_leaves_no_process_and_no_state(lab: Lab) -> None:
    """All that was started ends, the folder goes; a second `down` says that there is nothing and succeeds."""
    lab.up()
    assert running_under(lab.state.folder)
    assert set(lab.down()) == {server.program for server in SERVERS if not server.optional}
    assert running_under(lab.state.folder) == []
    assert not lab.state.folder.exists()
    again = command("--name", lab.name, "down")
    assert (again.returncode, again.stdout) == (0, f"lab {lab.name} is not there: nothing to do\n")


def test_down_can_keep_the_state(lab: Lab) -> None:
    """With `--keep` the data, users and logs are there at the next `up`."""
    lab.up()
    lab.user("alice")
    run(lab, "kubectl", "create", "configmap", "kept")
    lab.down(keep=True)
    assert running_under(lab.state.folder) == []
    lab.up()
    assert run(lab, "kubectl", "get", "configmap", "kept", "-o", "name") == "configmap/kept\n"
    assert "alice" in run(lab, "kubectl", "--context", "alice", "auth", "whoami")


def test_the_printed_environment_is_what_a_shell_needs(shared: Lab) -> None:
    """`eval "$(lab env)"` gives kubectl, pulumi and the venv's Python; JSON says the same."""
    printed = command("--name", shared.name, "env").stdout
    script = (
        printed
        + "for each in kubectl pulumi pulumi-language-python-exec python3; do command -v $each; done; kubectl config current-context"
    )
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    names = ("kubectl", "pulumi", "pulumi-language-python-exec")
    assert shell == [*(str(shared.state.bin / name) for name in names), str(Path(sys.executable).parent / "python3"), "lab-admin"]
    assert json.loads(command("--name", shared.name, "env", "--format", "json").stdout) == shared.environment()


def test_pulumi_deploys_with_the_labs_environment(shared: Lab, tmp_path: Path) -> None:
    """A Python program creates an object, a second run changes nothing, destroy removes it; without a warning about the toolchain."""
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(
        "import pulumi\n"
        "from pulumi_kubernetes import Provider\n"
        "from pulumi_kubernetes.core.v1 import ConfigMap\n"
        "provider = Provider('lab', context='lab-admin', cluster_identifier='lab')\n"
        "ConfigMap('greeting', metadata={'name': 'greeting', 'namespace': 'default'}, data={'say': 'hello'},\n"
        "          opts=pulumi.ResourceOptions(provider=provider))\n"
    )

    def pulumi(*arguments: str) -> str:
        return run(shared, "pulumi", *arguments, "--non-interactive", cwd=tmp_path)

    pulumi("stack", "init", "dev")
    assert "warning" not in pulumi("up", "--yes")
    assert run(shared, "kubectl", "get", "configmap", "greeting", "-o", "jsonpath={.data.say}") == "hello"
    pulumi("up", "--yes", "--expect-no-changes")
    pulumi("destroy", "--yes")
    assert "greeting" not in run(shared, "kubectl", "get", "configmap", "-o", "name")


def test_what_is_refused_says_why(shared: Lab) -> None:
    """An API request that fails becomes one message with the server's own words."""
    port = processes(shared)["kube-apiserver"].ports["https"]
    credentials = Credentials(shared.state)
    with (
        Api(port, credentials.cluster.context(credentials.admin)) as api,
        pytest.raises(LabError, match=r"refused PATCH /api/v1/nodes/x\?.*quantities must match"),
    ):
        api.apply(
            "/api/v1/nodes/x", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}, "status": {"capacity": {"cpu": "many"}}}
        )
