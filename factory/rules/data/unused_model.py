"""Models that nobody makes or serves."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT207",
    "A model is produced or served by some workload",
    why="A grant on a repository that nobody uses is only there to be misused.",
    fix="Grant it to the workload that needs it, or remove it.",
    references=(controls.TENET_1,),
    severity=WARNED,
)
def find_unused_models(factory: Factory) -> Iterator[Problem]:
    used = {name for workload in factory.workloads for name in (*workload.produces, *workload.serves)}
    for model in factory.models:
        if model.name not in used:
            yield Problem(f"models[{model.name}]", "is neither produced nor served")
