"""Models from nowhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT206",
    "A served model is produced here, or imported",
    why="Weights are code. Those of unknown origin may answer as somebody else wishes.",
    fix="Add it to the `produces` of the workload that makes it, or set `imported: true` and say so to your reviewers.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN),
)
def find_unmade_models(factory: Factory) -> Iterator[Problem]:
    produced = {name for workload in factory.workloads for name in workload.produces}
    served: dict[str, list[str]] = defaultdict(list)
    for workload in factory.workloads:
        for name in workload.serves:
            served[name].append(workload.reference)
    for name, servers in served.items():
        if name not in produced and not factory.model[name].imported:
            yield Problem(f"models[{name}]", f"is served by {listed(servers)}, but produced by no workload and not imported")
