"""Where the lab says what it is doing."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Console:
    """Writes progress to *stream*; to nowhere when it is None.

    On a terminal `update` rewrites one line in place. Elsewhere (a CI log) it is silent, so a log has one line per event.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.terminal = stream is not None and stream.isatty()

    @classmethod
    def standard(cls) -> Console:
        return cls(sys.stdout)

    @classmethod
    def silent(cls) -> Console:
        return cls(None)

    def say(self, text: str) -> None:
        self._write(f"\r\033[K{text}\n" if self.terminal else f"{text}\n")

    def update(self, text: str) -> None:
        if self.terminal:
            self._write(f"\r\033[K{text}")

    def _write(self, text: str) -> None:
        if self.stream is not None:
            self.stream.write(text)
            self.stream.flush()


def clock(seconds: float) -> str:
    """Minutes and seconds, `4:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Stopwatch:
    def __init__(self) -> None:
        self.start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start
