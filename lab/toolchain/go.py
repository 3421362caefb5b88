"""`go build` into the cache: one builder at a time, all or nothing, safe to interrupt."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError
from lab.lock import locked
from lab.toolchain.source import GO_ENVIRONMENT, Module

LINKER_FLAGS = ("-s", "-w")


def build(
    module: Module,
    package: str,
    executable: Path,
    *,
    ldflags: str = "",
    prepare: Callable[[Module, Path], None] | None = None,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Build *package* of *module* as *executable*, unless it is there once the lock is ours. *tick* is called about once a second.

    Raises LabError: Go is missing or too old, or the build failed (with the end of what Go said).
    """
    require_go(module)
    executable.parent.mkdir(parents=True, exist_ok=True)
    with locked(executable.parent.with_name("lock"), tick):
        if executable.exists():
            return
        for killed in executable.parent.parent.glob(".building-*"):
            shutil.rmtree(killed, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=executable.parent.parent) as folder:
            copy = module.copy(Path(folder) / "source")
            if prepare:
                prepare(copy, executable.parent)
            built = Path(folder) / executable.name
            output = Path(folder) / "output"
            command = ["go", "build", "-ldflags", " ".join((*LINKER_FLAGS, ldflags)), "-o", str(built), package]
            with output.open("w") as log:
                code = run(command, copy.folder, log.fileno(), tick)
            if code:
                raise LabError(f"building {executable.name} failed (go exited {code}):\n{output.read_text()[-2000:].strip()}")
            built.rename(executable)


def run(command: list[str], folder: Path, log: int, tick: Callable[[], None]) -> int:
    """Run to the end, or end it when we are interrupted."""
    with subprocess.Popen(command, cwd=folder, env=os.environ | GO_ENVIRONMENT, stdout=log, stderr=log) as process:
        try:
            while True:
                tick()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(timeout=1)
        except BaseException:
            process.terminate()
            raise


def require_go(module: Module) -> None:
    """Raises LabError: no Go on PATH, or one that can neither build *module* nor fetch a newer self."""
    wanted = ".".join(map(str, module.go))
    fix = f"install Go {wanted} or newer (https://go.dev/doc/install, or your package manager) and put `go` on PATH"
    if not shutil.which("go"):
        raise LabError(f"`go` is not on PATH, and the lab builds its programs with it: {fix}")
    asked = subprocess.run(["go", "env", "GOVERSION", "GOTOOLCHAIN"], cwd="/", capture_output=True, text=True, check=False)
    version, _, switching = asked.stdout.strip().partition("\n")
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", version)
    have = tuple(int(part or 0) for part in found.groups()) if found else (0,)
    switches = have >= (1, 21) and not switching.startswith("local")  # since 1.21 Go fetches the version that go.mod asks for
    if have < module.go and not switches:
        raise LabError(f"Go {wanted} is needed and `go` is {version.removeprefix('go') or 'unknown'}: {fix}")
