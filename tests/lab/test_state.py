"""The state folder, kubeconfig, nodes file and control-plane files: what the lab reads and writes."""

from __future__ import annotations

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import node
from lab.certificate import Authority
from lab.control_plane_files import install
from lab.errors import LabError
from lab.kubeconfig import write_kubeconfig
from lab.lock import locked
from lab.state import State


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = State.of("sample")
    made.create()
    return made


def test_the_state_is_for_its_owner_only(state: State) -> None:
    """Its keys and its Pulumi state are nobody else's."""
    assert stat.S_IMODE(state.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "../x", "A", "a_b", "-a", "a" * 41, "a/b"])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    """A lab's name is one plain path segment."""
    with pytest.raises(LabError, match="is no name for a lab"):
        State.of(name)


def test_the_kubeconfig_keeps_other_contexts_and_the_current_one(state: State) -> None:
    """Adding a user, or a moved server, leaves the rest of the file as it was."""
    authority = Authority(state.pki, "cluster")
    users = {name: authority.issue(name) for name in ("lab-admin", "alice", "bob")}
    for name in users:
        write_kubeconfig(state.kubeconfig, "https://127.0.0.1:1", authority.pair.certificate, {name: users[name]})
    write_kubeconfig(state.kubeconfig, "https://127.0.0.1:2", authority.pair.certificate, {"lab-admin": users["lab-admin"]})
    document = yaml.safe_load(state.kubeconfig.read_text())
    assert {each["name"] for each in document["contexts"]} == {each["name"] for each in document["users"]} == set(users)
    assert document["current-context"] == "lab-admin"
    assert [each["cluster"]["server"] for each in document["clusters"]] == ["https://127.0.0.1:2"]
    assert stat.S_IMODE(state.kubeconfig.stat().st_mode) == 0o600


def nodes_of(tmp_path: Path, text: str) -> list[dict[str, Any]]:
    path = tmp_path / "nodes.yaml"
    path.write_text(text)
    return node.read_nodes(path)


def test_nodes_are_counted_labelled_and_have_room(tmp_path: Path) -> None:
    """Defaults are merged under what the file says; zones are dealt out in turn."""
    text = "- {name: h100, count: 3, labels: {gpu: h100}, capacity: {nvidia.com/gpu: 8, cpu: 96}, zones: [a, b]}"
    nodes = nodes_of(tmp_path, text)
    assert [each["metadata"]["name"] for each in nodes] == ["h100-0", "h100-1", "h100-2"]
    assert [each["metadata"]["labels"]["topology.kubernetes.io/zone"] for each in nodes] == ["a", "b", "a"]
    assert nodes[0]["metadata"]["labels"]["gpu"] == "h100"
    assert nodes[0]["status"]["allocatable"] == {"cpu": "96", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": "8"}
    assert "taints" not in nodes[0]["spec"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x", "is no list of nodes"),
        ("", "is no list of nodes"),
        ("- x", r"nodes.yaml\[0\] is 'x', not a mapping"),
        ("- {name: a}\n- {nmae: b}", r"nodes.yaml\[1\]\.nmae: unknown; allowed are name"),
        ("- {name: A}", r"\[0\]\.name is 'A': use a-z"),
        ("- {name: a, count: many}", r"\[0\]\.count is 'many': use a whole number"),
        ("- {name: a, count: true}", r"\[0\]\.count is True"),
        ("- {name: a, labels: [x]}", r"\[0\]\.labels is \['x'\]: use a mapping"),
        ("- {name: a}\n- {name: a}", "two entries make nodes of one name: a-0"),
        ("- {name: a", "is not YAML"),
    ],
)
def test_a_wrong_nodes_file_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake gets one message with place, value and what is allowed."""
    with pytest.raises(LabError, match=message):
        nodes_of(tmp_path, text)


def test_a_missing_nodes_file_is_said(tmp_path: Path) -> None:
    """No traceback for a path that is not there."""
    with pytest.raises(LabError, match=r"none\.yaml cannot be read: No such file"):
        node.read_nodes(tmp_path / "none.yaml")


def test_control_plane_files_refer_to_their_copy(state: State, tmp_path: Path) -> None:
    """Flags and files that name the install prefix name the copy instead, and every file so named is there."""
    folder = tmp_path / "rendered"
    (folder / "static").mkdir(parents=True)
    (folder / "kube-apiserver.yaml").write_text(
        "admission-control-config-file: /etc/kubernetes/factory/admission.yaml\nfeature-gates: [A=true, B=false]\nv: 2\n"
    )
    (folder / "admission.yaml").write_text("staticManifestsDir: /etc/kubernetes/factory/static\n")
    (folder / "static" / "policy.yaml").write_text("kind: Policy\n")
    files = install(folder, state)
    admission = Path(str(files.flags["admission-control-config-file"]))
    assert state.folder in admission.parents
    assert Path(yaml.safe_load(admission.read_text())["staticManifestsDir"], "policy.yaml").read_text() == "kind: Policy\n"
    assert files.flags["feature-gates"] == "A=true,B=false"
    assert files.flags["v"] == "2"


def test_changed_control_plane_files_are_other_flags(state: State, tmp_path: Path) -> None:
    """The API server's command changes when any file's content does, which is what restarts it; old copies then go."""
    folder = tmp_path / "rendered"
    folder.mkdir()
    (folder / "kube-apiserver.yaml").write_text("audit-policy-file: /etc/kubernetes/factory/audit.yaml\n")
    (folder / "audit.yaml").write_text("one\n")
    first = install(folder, state)
    assert install(folder, state) == first
    (folder / "audit.yaml").write_text("two\n")
    second = install(folder, state)
    assert second.flags != first.flags
    second.forget_others(state)
    assert list(state.control_plane.iterdir()) == [second.folder]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"holds no kube-apiserver\.yaml"),
        ("- x", "is no mapping of API-server flags"),
        ("etcd-servers: http://elsewhere.example", "the flag etcd-servers is the lab's own; remove it"),
        ("a: [", "is not YAML"),
    ],
)
def test_wrong_control_plane_files_are_refused(state: State, tmp_path: Path, text: str | None, message: str) -> None:
    """Nothing is started on files that are not what was asked for, nor on flags that would make the API server another's."""
    folder = tmp_path / "rendered"
    folder.mkdir()
    if text is not None:
        (folder / "kube-apiserver.yaml").write_text(text)
    with pytest.raises(LabError, match=message):
        install(folder, state)


def test_a_lock_removed_by_its_holder_still_lets_one_in_at_a_time(tmp_path: Path) -> None:
    """`down` removes the lock it holds: those who waited for it and those who come later still exclude each other."""
    path, inside, most = tmp_path / "lock", [0], [0]

    def enter() -> None:
        with locked(path):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.02)
            inside[0] -= 1
            path.unlink()

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(enter) for _ in range(8)]:
            each.result()
    assert most == [1]
    assert not path.exists()
