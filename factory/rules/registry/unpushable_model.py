"""Models that nobody can push."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.registry import WRITE, find_registry, find_writers
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT742",
    "Who makes or signs a model has a flow to the write door",
    why="Nothing opens by itself: without a flow the model never gets into the registry, and somebody will look for a way around it.",
    fix="Add a flow from the workload to `registry-write`, port `https`, with its reason.",
    references=(controls.TENET_2, controls.NETWORK),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unpushable_models(factory: Factory) -> Iterator[Problem]:
    registry = find_registry(factory)
    if registry is None:
        return
    door = f"{registry.segment}/{WRITE}"
    pushing = {flow.source for flow in factory.flows if flow.to == door}
    for writer in sorted(find_writers(factory) - pushing):
        yield Problem(f"workloads[{writer}]", f"produces models or signs, but has no flow to {door}")
