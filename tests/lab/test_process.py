"""Processes are known by birth, not by pid."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import process
from lab.process import Process

Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a Python one-liner as a lab process; ends it afterwards."""
    started = []

    def start(code: str, name: str = "sample") -> Process:
        command = [sys.executable, "-c", code]
        started.append(process.start(tmp_path, name, "1.0.0", command, tmp_path / f"{name}.log", {"https": 1}))
        return started[-1]

    yield start
    for each in started:
        each.stop(grace=0)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited 10 s in vain"
        time.sleep(0.01)


def test_a_process_is_recorded_and_found_again(start: Start, tmp_path: Path) -> None:
    """A later command knows what an earlier one started."""
    begun = start("import time; time.sleep(60)")
    found = process.recorded(tmp_path, "sample")
    assert found == begun
    assert found.alive


def test_a_recycled_pid_is_neither_alive_nor_killed(start: Start) -> None:
    """A record whose pid now belongs to another process is dead, and stopping it leaves that other alone."""
    other = start("import time; time.sleep(60)")
    stale = dataclasses.replace(other, birth=other.birth + "0")
    assert not stale.alive
    stale.stop()
    assert other.alive


def test_a_zombie_is_dead() -> None:
    """A process that ended but was not reaped by its parent does not count as running."""
    code = "import os, time; pid = os.fork() or os._exit(0); print(pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            zombie = int(parent.stdout.readline())
            wait_for(lambda: "Z" in Path(f"/proc/{zombie}/stat").read_text().rpartition(")")[2].split()[0])
            assert process.birth(zombie) is None
        finally:
            parent.kill()


def test_stop_ends_what_ignores_sigterm(start: Start) -> None:
    """SIGKILL follows SIGTERM after the grace."""
    stubborn = start("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)")
    wait_for(lambda: "ready" in stubborn.tail())
    stubborn.stop(grace=0.2)
    assert not stubborn.alive


def test_a_process_outlives_its_starter_and_its_terminal(tmp_path: Path) -> None:
    """It has a session of its own, so neither the end of the command nor Ctrl-C in its terminal reaches it."""
    code = (
        "import sys; from pathlib import Path; from lab import process; folder = Path(sys.argv[1]);"
        "process.start(folder, 'sample', '1', [sys.executable, '-c', 'import time; time.sleep(60)'], folder / 'log', {})"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
    found = process.recorded(tmp_path, "sample")
    assert found is not None
    try:
        assert found.alive
        assert os.getsid(found.pid) == found.pid != os.getsid(0)
    finally:
        found.stop(grace=0)


def test_signals_are_not_blocked_in_what_is_started(start: Start) -> None:
    """The mask that guards the start is not inherited: SIGTERM ends a plain program at once."""
    plain = start("import time; print('ready', flush=True); time.sleep(60)")
    wait_for(lambda: "ready" in plain.tail())
    os.kill(plain.pid, signal.SIGTERM)
    wait_for(lambda: not plain.alive)


def test_the_tail_is_of_this_run_only(start: Start) -> None:
    """What an earlier run logged is kept in the file but is not shown as this run's last words."""
    first = start("print('from the first')")
    wait_for(lambda: not first.alive)
    second = start("print('from the second')")
    wait_for(lambda: not second.alive)
    assert second.tail() == "from the second"
    assert "from the first" in Path(second.log).read_text()


def test_secrets_in_the_environment_do_not_reach_the_programs(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs get the few variables that they need, not the shell's tokens."""
    monkeypatch.setenv("SOME_TOKEN", "hidden")
    begun = start("import os; print(sorted(os.environ))")
    wait_for(lambda: not begun.alive)
    assert "PATH" in begun.tail()
    assert "SOME_TOKEN" not in begun.tail()
