"""One measured number with its target, and the clocks that it is measured by."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Figure:
    """A ratio, or another number that means the same on every machine of a kind."""

    what: str
    value: float
    at_most: float | None = None
    """The target, where there is one."""
    at_least: float | None = None
    or_more: bool = False
    """Whether the measurement was stopped: the number is then at least so large."""

    @property
    def missed(self) -> bool:
        """Whether there is a target and the value is beyond it."""
        return (self.at_most is not None and self.value > self.at_most) or (self.at_least is not None and self.value < self.at_least)

    @property
    def target(self) -> str:
        """In words; empty where the number is only reported."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"at least {self.at_least:g}" if self.at_least is not None else ""


class Time(NamedTuple):
    """What a command took, in seconds."""

    cpu: float
    """User and system time of the process and of all that it started and waited for: a busy machine hardly changes it."""
    wall: float


def run(command: Sequence[str], **options: Any) -> Time:
    """Runs a command to its end, without its output. Raises CalledProcessError where it fails, with what it said."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, capture_output=True, text=True, **options)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Time(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def best(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The least seconds of each, taken in turns, so that whatever else the machine does meets all of them alike."""
    least = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, measure in contenders.items():
            least[name] = min(least[name], measure())
    return least
