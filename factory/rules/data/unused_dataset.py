"""Datasets that nobody touches."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT205",
    "A dataset is read or written by some workload",
    why="Data that nobody uses is only there to be stolen.",
    fix="Grant it to the workload that needs it, or remove it here and in storage.",
    references=(controls.TENET_1,),
    severity=WARNED,
)
def find_unused_datasets(factory: Factory) -> Iterator[Problem]:
    used = {name for workload in factory.workloads for name in (*workload.reads, *workload.writes)}
    for dataset in factory.datasets:
        if dataset.name not in used:
            yield Problem(f"datasets[{dataset.name}]", "is neither read nor written")
