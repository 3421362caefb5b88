"""References to models."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .dangling import dangling


@rule(
    "ZT017",
    "A model that is referred to exists",
    why="Weights from nowhere are code from nowhere: only a declared model has a repository that admission can insist on.",
    fix="Declare the model with its repository, or correct the name.",
    references=(controls.TENET_1, controls.SUPPLY_CHAIN),
    waivable=False,
)
def find_dangling_models(factory: Factory) -> Iterator[Problem]:
    known = factory.model
    for workload in factory.workloads:
        for verb, models in (("produces", workload.produces), ("serves", workload.serves)):
            for model in models:
                if model not in known:
                    yield dangling(f"workloads[{workload.reference}].{verb}[{model}]", "models", model, known)
