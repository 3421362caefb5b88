"""References to datasets."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .dangling import dangling


@rule(
    "ZT016",
    "A dataset that is referred to exists",
    why="A grant on data that is not declared has no classification, so that no rule can judge it.",
    fix="Declare the dataset with its classification, or correct the name.",
    references=(controls.TENET_1,),
    waivable=False,
)
def find_dangling_datasets(factory: Factory) -> Iterator[Problem]:
    known = factory.dataset
    for workload in factory.workloads:
        for verb, datasets in (("reads", workload.reads), ("writes", workload.writes)):
            for dataset in datasets:
                if dataset not in known:
                    yield dangling(f"workloads[{workload.reference}].{verb}[{dataset}]", "datasets", dataset, known)
