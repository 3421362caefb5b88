"""Paths from the internet to sensitive data."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.exposure import find_exposed, trace
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .sensitive import held, in_words, touched


@rule(
    "ZT201",
    "No path leads from the internet to sensitive data",
    why="Each flow looks harmless on its own. An attacker takes one workload after another along them, until one stands beside the data. "
    "A workload counts when it may mount Confidential or Restricted data, or runs in the segment that holds it.",
    fix="Cut one flow of the path, or move the data to a segment that no exposed workload reaches.",
    references=(controls.TENET_1, controls.TENET_2, controls.NETWORK),
)
def find_exposed_data(factory: Factory) -> Iterator[Problem]:
    exposed = find_exposed(factory)
    segments = held(factory)
    for reference in exposed:
        workload = factory.workload.get(reference)
        if workload is None:
            continue
        mounted, beside = touched(factory, workload), segments.get(workload.segment, [])
        if mounted or beside:
            relation = f"which may mount {in_words(mounted)}" if mounted else f"in the segment that holds {in_words(beside)}"
            yield Problem(f"workloads[{reference}]", f"is reached from the internet: {trace(exposed, reference)}, {relation}")
