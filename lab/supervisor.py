"""Starts the lab's servers in order, waits until each is well, repairs what died, and ends what it started."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from lab.api import ask
from lab.console import Console, Stopwatch
from lab.errors import LabError
from lab.process import Process, recorded, start
from lab.server import SERVERS, Plane, Server
from lab.toolchain import program

PATIENCE = 120.0  # seconds until a server that lives but is not well is given up
CLASHES = 3  # how often a port that somebody else took is replaced


class Supervisor:
    """The servers of one lab. *programs* are the executables by name."""

    def __init__(self, plane: Plane, programs: Mapping[str, Path], console: Console) -> None:
        self.plane = plane
        self.servers = [server for server in SERVERS if server.executable in programs]
        self.programs = programs
        self.console = console
        self.running: dict[str, Process] = {}
        self.started: list[str] = []
        self.well: set[str] = set()

    def bring_up_all(self) -> None:
        for server in self.servers:
            for each in self.servers:
                if each.program in server.needs:
                    self.await_health(each)
            self.bring_up(server)
        for server in self.servers:
            self.await_health(server)

    def bring_up(self, server: Server) -> None:
        """See that *server* runs with the flags it should have now, and is well. What runs so already is left alone."""
        folder = self.plane.state.processes
        before = recorded(folder, server.program)
        self.plane.ports[server.program] = before.ports if before else free_ports(server)
        if before and before.alive:
            if before.command == self.command(server) and not {*server.restarts_with} & {*self.started}:
                self.running[server.program] = before
                return
            before.stop(server.grace)
        if not all(map(is_free, self.plane.ports[server.program].values())):
            self.plane.ports[server.program] = free_ports(server)
        self.start(server)

    def start(self, server: Server) -> None:
        state, ports = self.plane.state, self.plane.ports[server.program]
        log = state.logs / f"{server.program}.log"
        server.first(self.plane)
        pinned = program(server.executable)
        version = pinned.version_of(self.programs[server.executable]) or pinned.version  # some print none, and are never taken from PATH
        environment = server.environment(self.plane)
        self.running[server.program] = start(state.processes, server.program, version, self.command(server), log, ports, environment)
        self.started.append(server.program)

    def command(self, server: Server) -> list[str]:
        flags = (f"--{name}={value}" for name, value in server.flags(self.plane).items())
        return [str(self.programs[server.executable]), *server.arguments(self.plane), *flags]

    def await_health(self, server: Server) -> None:
        """Wait until our own process of *server* lives and says that it is well.

        Raises LabError: it died, or was not well in time; with the tail of its log.
        """
        if server.program in self.well:
            return
        context = server.context(self.plane.credentials)
        clashes, watch = 0, Stopwatch()
        while True:
            process = self.running[server.program]
            answer = ask(process.ports[server.ports[0]], server.health_path(self.plane.state), context)
            if not process.alive:
                tail = process.tail()
                if server.program not in self.started:  # it ran when we looked, and went down with what we repaired
                    self.start(server)
                    continue
                if "address already in use" in tail and clashes < CLASHES:
                    clashes += 1
                    self.plane.ports[server.program] = free_ports(server)
                    self.start(server)
                    continue
                raise LabError(f"{server.program} ended while starting. The end of {process.log}:\n{tail}")
            if answer == "ok":
                self.well.add(server.program)
                server.once_well(self.plane)
                return
            if watch.seconds > PATIENCE:
                raise LabError(
                    f"{server.program} runs (pid {process.pid}) but was not well after {PATIENCE:.0f} s: {answer}. "
                    f"The end of {process.log}:\n{process.tail()}"
                )
            self.console.update(f"{server.program}: {watch.seconds:.0f} s, {answer.splitlines()[-1]}")
            time.sleep(0.1)


def stop_all(folder: Path) -> list[str]:
    """End every recorded process, those that need others first. Returns the programs that were running."""
    stopped = []
    for server in reversed(SERVERS):
        process = recorded(folder, server.program)
        if process and process.alive:
            process.stop(server.grace)
            stopped.append(server.program)
        if process:
            with contextlib.suppress(FileNotFoundError):
                (folder / f"{server.program}.json").unlink()
    return stopped


def free_ports(server: Server) -> dict[str, int]:
    """A port of the kernel's choosing for each purpose."""
    with contextlib.ExitStack() as stack:
        sockets = {name: stack.enter_context(socket.socket()) for name in server.ports}
        for each in sockets.values():
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in sockets.items()}


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
