"""Models served outside Inference."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, Stage


@rule(
    "ZT211",
    "Models are mounted in Validation and Inference",
    why="Weights are what a thief wants. Each further stage that mounts them is one more place to take them from. Training may mount "
    "imported ones, to tune them.",
    fix="Serve it from an Inference segment, or validate it in a Validation segment.",
    references=(controls.TENET_1, controls.TENET_3),
    severity=REFUSED_IN_PRODUCTION,
)
def find_misplaced_servings(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        stage = factory.segment[workload.segment].stage
        if stage not in (Stage.VALIDATION, Stage.INFERENCE):
            for name in workload.serves:
                if not (stage is Stage.TRAINING and factory.model[name].imported):
                    yield Problem(f"workloads[{workload.reference}].serves[{name}]", f"mounts a model in {stage}")
