"""Datasets on the registry's volume."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.registry import CLAIM, find_registry
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT748",
    "No dataset has the registry's volume",
    why="Admission grants data by the name of its PersistentVolumeClaim: whoever writes that dataset writes every model, past the door.",
    fix="Give the dataset another `claim`, or another segment.",
    references=(controls.TENET_1, controls.TENET_3),
    waivable=False,
)
def find_shared_stores(factory: Factory) -> Iterator[Problem]:
    registry = find_registry(factory)
    if registry is None or registry.storage is None:
        return
    for dataset in factory.datasets:
        users = {workload.segment for workload in factory.workloads if dataset.name in (*workload.reads, *workload.writes)}
        if dataset.claim_name == CLAIM and registry.segment in {dataset.segment, *users}:
            yield Problem(f"datasets[{dataset.name}].claim", "is the registry's", CLAIM)
