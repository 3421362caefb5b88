"""How far a transfer is: bars on a terminal, a line for each thing that is done elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Begin = Callable[[str, int], Callable[[int], None]]
"""Given what is moved and its bytes; returns what is told how many bytes more have arrived."""


@contextmanager
def progress(quiet: bool = False) -> Iterator[Begin]:
    """Shows transfers on standard error, so that standard output stays what other programs read."""
    if quiet:
        yield lambda label, size: lambda more: None
    elif not sys.stderr.isatty():
        yield _lines
    else:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bars:

            def begin(label: str, size: int) -> Callable[[int], None]:
                bar = bars.add_task(label, total=size)
                return lambda more: bars.advance(bar, more)

            yield begin


def _lines(label: str, size: int) -> Callable[[int], None]:
    left = size

    def advance(more: int) -> None:
        nonlocal left
        left -= more
        if left == 0:
            print(f"{label}: {show_size(size)}", file=sys.stderr, flush=True)

    if size == 0:
        print(f"{label}: {show_size(size)}", file=sys.stderr, flush=True)
    return advance


def show_size(size: int) -> str:
    """`1.5 GiB`."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
