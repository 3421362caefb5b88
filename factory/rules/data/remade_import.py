"""Imported models that are also made here."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT209",
    "An imported model is not produced here as well",
    why="Nobody can tell which weights a server mounts: those of the supplier, or ours.",
    fix="Declare a second model for what you make of the first.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN),
)
def find_remade_imports(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        for name in workload.produces:
            if factory.model[name].imported:
                yield Problem(f"workloads[{workload.reference}].produces[{name}]", "is an imported model")
