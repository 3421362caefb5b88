"""Models made outside Training."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, Stage


@rule(
    "ZT210",
    "Models are produced in Training",
    why="Who can push weights decides what will be served. A stage that faces the public, or outside data, must not.",
    fix="Produce it in a Training segment.",
    references=(controls.TENET_3, controls.SUPPLY_CHAIN),
    severity=REFUSED_IN_PRODUCTION,
)
def find_misplaced_productions(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        stage = factory.segment[workload.segment].stage
        if stage is not Stage.TRAINING:
            for name in workload.produces:
                yield Problem(f"workloads[{workload.reference}].produces[{name}]", f"makes a model in {stage}")
