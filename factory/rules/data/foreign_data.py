"""Sensitive data in the hands of another owner."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Classification, Factory


@rule(
    "ZT203",
    "Sensitive data is read by its owner's workloads",
    why="The owner of the segment answers for the data in it. Confidential data may be handed over to it by others, who write; "
    "Restricted data is touched by nobody else.",
    fix="Move the workload to a segment of the data's owner, give it a derived dataset, or waive it with the agreement.",
    references=(controls.TENET_1, controls.TENET_3),
    severity=REFUSED_IN_PRODUCTION,
)
def find_foreign_data(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        owner = factory.segment[workload.segment].owner
        for verb, names in (("reads", workload.reads), ("writes", workload.writes)):
            for name in names:
                dataset = factory.dataset[name]
                holder = factory.segment[dataset.segment].owner
                bound = dataset.classification is Classification.RESTRICTED or (dataset.classification.sensitive and verb == "reads")
                if bound and owner != holder:
                    path = f"workloads[{workload.reference}].{verb}[{name}]"
                    yield Problem(path, f"gives {dataset.classification} data of {holder} to a workload of {owner}")
