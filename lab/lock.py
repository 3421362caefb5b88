"""One command at a time."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path, tick: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold *path* as a lock; the kernel lets go of it when we die, however we die. Who holds it may remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as file:
            while not taken(file.fileno()):
                tick()
                time.sleep(0.2)
            if path.exists() and path.samefile(f"/dev/fd/{file.fileno()}"):  # else its holder removed it while we waited
                yield
                return


def taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
