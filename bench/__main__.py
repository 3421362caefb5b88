"""Runs the benchmarks and writes their figures into README.md beside this file.

    python -m bench [--segments N] [plan] [validate] [up] [reachability] [review] [audit]

Without names it runs all. Exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from lab.toolchain import program

from . import audit, plan, reachability, review, up, validate
from .figure import Figure

README = Path(__file__).with_name("README.md")


def main() -> int:
    """Measures, prints and writes what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=up.SEGMENTS, help=f"segments that are deployed by `up` (default: {up.SEGMENTS})")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: all)")
    options = parser.parse_args()
    benchmarks: dict[str, Callable[[], list[Figure]]] = {
        "plan": plan.measure,
        "validate": validate.measure,
        "reachability": measure_reachability,
        "review": review.measure,
        "audit": measure_audit,
        "up": partial(up.measure, options.segments),
    }
    if unknown := set(options.names) - set(benchmarks):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(benchmarks)}")
    missed = 0
    for name in options.names or benchmarks:
        print(f"{name}:", flush=True)
        figures = benchmarks[name]()
        for figure in figures:
            print(f"  {number(figure):>8}  {figure.what}{' MISSED: ' + figure.target if figure.missed else ''}", flush=True)
        missed += sum(figure.missed for figure in figures)
        write(name, figures)
    print(f"{missed} target{'s' if missed > 1 else ''} missed" if missed else "every target met")
    return 1 if missed else 0


def measure_reachability() -> list[Figure]:
    """Figures of bench/reachability.py."""
    found = reachability.measure()
    seconds, ratio = "seconds for 1000 namespaces", "pairs / sets at 1000 namespaces"
    targets = {seconds: Figure(seconds, found[seconds], at_most=5), ratio: Figure(ratio, found[ratio], at_least=10)}
    shown = [what for what in found if not what.startswith("seconds") or what in targets]
    return [targets.get(what) or Figure(what, found[what]) for what in shown]


def measure_audit() -> list[Figure]:
    """Figure of bench/audit.py."""
    found = audit.measure(1000)
    return [Figure(f"audit of 1,000 segments, {found['objects']:,} objects / the bare LISTs of the same kinds", found["ratio"], at_most=2)]


def number(figure: Figure) -> str:
    """Three digits that count."""
    text = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.3g}"
    return f"> {text}" if figure.or_more else text


def write(name: str, figures: list[Figure]) -> None:
    """Replaces the table of one benchmark."""
    rows = [f"| {figure.what} | {number(figure)} | {figure.target}{' **missed**' if figure.missed else ''} |" for figure in figures]
    table = "\n".join(["| what | measured | target |", "| --- | ---: | --- |", *rows])
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = README.read_text()
    text = re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{versions()}\n\n{table}\n{end}", text, flags=re.DOTALL)
    README.write_text(text)


def versions() -> str:
    """What was measured, and when."""
    parts = [
        f"Python {python_version()}",
        *(f"{package} {version(package)}" for package in ("pydantic", "pulumi", "pulumi-kubernetes")),
        *(f"{name} {program(name).version}" for name in ("pulumi", "kube-apiserver", "kubectl")),
    ]
    return f"{date.today()}, {', '.join(dict.fromkeys(parts))}."


if __name__ == "__main__":
    sys.exit(main())
