"""Producers that validate their own models."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT762",
    "Nobody validates a model that they produce",
    why="Who trains a model has seen its data and wants it to pass. A stolen training workload would vouch for what it has made.",
    fix="Let another workload validate it, in a segment of stage Validation, with a key of its own.",
    references=(controls.TENET_5, controls.TENET_3, controls.SUPPLY_CHAIN),
)
def find_own_validations(factory: Factory) -> Iterator[Problem]:
    producers = {(workload.reference, name) for workload in factory.workloads for name in workload.produces}
    for model in factory.models:
        for name in model.validators:
            workload = factory.signer[name].workload
            if workload is not None and (workload, model.name) in producers:
                yield Problem(f"models[{model.name}].validators[{name}]", f"is the key of {workload}, which produces the model")
