"""One program of the lab as a process that outlives the command that started it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.state import write

KEPT = ("HOME", "PATH", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Process:
    """A started program, as its record in the lab's state says.

    `birth` says which process of that pid it was: a pid alone may long be somebody else's.
    `log_start` is where in the log this run begins.
    """

    program: str
    version: str
    pid: int
    birth: str
    command: list[str]
    log: str
    log_start: int
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return birth(self.pid) == self.birth

    def tail(self, lines: int = 15) -> str:
        """The last *lines* of what this run logged."""
        try:
            with Path(self.log).open("rb") as file:
                file.seek(self.log_start)
                return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def stop(self, grace: float = 10.0) -> None:
        """End it, politely first: SIGKILL follows SIGTERM after *grace* seconds. Never touches a process that is not the one we started."""
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if not self.alive:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            deadline = time.monotonic() + patience
            while self.alive and time.monotonic() < deadline:
                time.sleep(0.02)


def start(
    folder: Path,
    program: str,
    version: str,
    command: Sequence[str],
    log: Path,
    ports: Mapping[str, int],
    extra: Mapping[str, str] | None = None,
) -> Process:
    """Start *command* in a session of its own, logging to *log*, with *extra* in its environment, and record it in *folder*.

    Signals wait meanwhile, so that an interrupt cannot come between the start and the record.
    """
    environment = {name: value for name, value in os.environ.items() if name in KEPT} | dict(extra or {})
    with log.open("a+b") as file:
        log_start = file.seek(0, os.SEEK_END)
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            pid = os.posix_spawn(
                command[0],
                list(command),
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, file.fileno(), 1),
                    (os.POSIX_SPAWN_DUP2, file.fileno(), 2),
                ],
                setsid=True,
                setsigmask=[],
            )
            process = Process(program, version, pid, birth(pid) or "", list(command), str(log), log_start, dict(ports))
            write(folder / f"{program}.json", json.dumps(asdict(process), indent=2))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
    return process


def recorded(folder: Path, program: str) -> Process | None:
    """The process that was started last for *program*, alive or not."""
    try:
        return Process(**json.loads((folder / f"{program}.json").read_text()))
    except FileNotFoundError:
        return None


def birth(pid: int) -> str | None:
    """What tells a process from every other that had or will have its pid: boot and start time. None when there is none, or a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # ours to bury when we started it
    try:
        # proc(5): the name may hold blanks and parentheses; after it come the state and, 17 and 19 fields on, threads and start time.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # While other threads still end, a zombie's files and ports are not free yet.
    ended = fields[0] == "X" or (fields[0] == "Z" and int(fields[17]) <= 1)
    return None if ended else f"{boot} {fields[19]}"
