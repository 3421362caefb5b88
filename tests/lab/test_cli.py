"""The `lab` command: messages, exit codes, and what it says of a program that dies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import cli, supervisor
from lab.console import Console
from lab.credentials import Credentials
from lab.errors import LabError
from lab.process import recorded
from lab.server import Plane, Server
from lab.state import State
from lab.toolchain import HERE, KUBERNETES


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("LAB_NAME", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["env"], "lab: there is no lab 'default': run `lab up`\n"),
        (["--name", "other", "user", "alice"], "lab: there is no lab 'other': run `lab up` with --name other\n"),
        (["logs"], "lab: lab default has no logs of "),
        (["logs", "etdc"], "lab: the lab runs no 'etdc': choose one of etcd, kube-apiserver"),
        (["up", "--name", "No"], "lab: 'No' is no name for a lab: use at most 40 of"),
        (["up", "--nodes", "/none.yaml"], "lab: /none.yaml cannot be read: No such file"),
    ],
)
def test_a_failure_is_one_message_and_exit_code_1(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback: what is wrong and what to do, on stderr."""
    assert cli.main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(message)
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_status_of_no_lab_says_stopped_and_exits_3(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts tell a lab that runs from one that does not by the exit code; JSON has the table's columns."""
    assert cli.main(["status", "--format", "json"]) == 3
    rows = json.loads(capsys.readouterr().out)
    assert {row["state"] for row in rows} == {"stopped"}
    assert [row["program"] for row in rows] == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]
    assert set(rows[0]) == {"program", "version", "pid", "port", "state", "log", "detail"}


def test_the_name_comes_from_the_environment_unless_given(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """$LAB_NAME is the default; --name, before or after the command, wins."""
    monkeypatch.setenv("LAB_NAME", "mine")
    for arguments, name in ((["down"], "mine"), (["--name", "a", "down"], "a"), (["down", "--name", "b"], "b")):
        assert cli.main(arguments) == 0
        assert capsys.readouterr().out == f"lab {name} is not there: nothing to do\n"


def test_wrong_usage_exits_2() -> None:
    """As argparse does, and as the help says."""
    with pytest.raises(SystemExit, match="2"):
        cli.main(["upp"])


def test_sets_of_programs_are_repeated_or_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """`--with a --with b` and `--with a,b` are the same; a set that is none is refused with those there are."""
    parsed = cli.parser().parse_args
    assert parsed(["up", "--with", "identity", "--with", "keys"]).extras == parsed(["up", "--with", "identity,keys"]).extras
    assert parsed(["up"]).extras == []
    with pytest.raises(SystemExit, match="2"):
        parsed(["build", "--with", "identity,kees"])
    assert "'kees' is no set of programs: choose from identity, keycloak, keys" in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends in one line and exit code 130."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lab.lab.provide", interrupted)
    assert cli.main(["up"]) == 130
    assert "interrupted; run the command again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("last_words", "starts"), [("panic: no room", 1), ("listen tcp 127.0.0.1:1: bind: address already in use", 1 + supervisor.CLASHES)]
)
def test_a_program_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path, last_words: str, starts: int) -> None:
    """The message names program and log, and quotes it; only a taken port is tried again, a few times, on other ports."""
    dying = tmp_path / "dying"
    dying.write_text(f"#!/bin/sh\n[ $# = 1 ] && [ $1 = --version ] && exit\necho {last_words!r} $@\nexit 1\n")
    dying.chmod(0o755)
    state = State.of("sample")
    state.create()
    plane = Plane(state, Credentials(state))
    server = Server("etcd", lambda plane: plane.ports["etcd"], "/health", ports=("client",))
    watched = supervisor.Supervisor(plane, {"etcd": dying}, Console.silent())
    watched.bring_up(server)
    with pytest.raises(LabError, match=rf"(?s)etcd ended while starting\. The end of {state.logs}/etcd\.log:\n{last_words}"):
        watched.await_health(server)
    lines = (state.logs / "etcd.log").read_text().splitlines()
    assert len(lines) == len(set(lines)) == starts
    process = recorded(state.processes, "etcd")
    assert process is not None
    assert not process.alive


def test_fake_nodes_report_the_version_of_the_control_plane() -> None:
    """kubelet and API server of one version: what the stages say follows the pin."""
    assert f"kubeletVersion: v{KUBERNETES}\n" in (HERE / "kwok" / "stages.yaml").read_text()
