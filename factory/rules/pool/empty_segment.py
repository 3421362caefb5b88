"""Segments without workloads."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT314",
    "A segment has a workload",
    why="An empty namespace with access and quotas is a place where nobody looks.",
    fix="Declare its workloads, or remove it.",
    references=(controls.TENET_1, controls.CIS_NAMESPACES),
    severity=REFUSED_IN_PRODUCTION,
)
def find_empty_segments(factory: Factory) -> Iterator[Problem]:
    inhabited = {workload.segment for workload in factory.workloads}
    for segment in factory.segments:
        if segment.name not in inhabited:
            yield Problem(f"segments[{segment.name}]", "has no workload")
