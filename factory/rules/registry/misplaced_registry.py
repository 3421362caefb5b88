"""Registries without a place to stand."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.registry import PORT, READ, WRITE, find_door
from factory.rules.rule import Problem, rule
from factory.spec import DistributionRegistry, Factory, Stage

PRIVILEGED = 1024
"""Ports below it need a capability, and the doors' pods have none."""


@rule(
    "ZT740",
    "A registry that the factory runs has a Platform segment with two doors",
    why="What guards models stands apart from what makes and serves them. Each door is a workload of its own, so that policies tell who "
    "may push from who may pull; a registry without one of them is not planned at all.",
    fix="Give a segment of stage Platform the workloads `registry-write` and `registry-read`, each with a TCP listener `https` on a port "
    "of 1024 or above.",
    references=(controls.TENET_1, controls.NETWORK),
    waivable=False,
)
def find_misplaced_registries(factory: Factory) -> Iterator[Problem]:
    registry = factory.registry
    if not isinstance(registry, DistributionRegistry):
        return
    segment = factory.segment[registry.segment]
    if segment.stage is not Stage.PLATFORM:
        yield Problem("registry.segment", f"is of stage {segment.stage.value}", registry.segment, Stage.PLATFORM.value)
        return
    for door in (WRITE, READ):
        listener, reference = find_door(factory, registry, door), f"{registry.segment}/{door}"
        if reference not in factory.workload:
            yield Problem("registry.segment", f"has no workload {door}", registry.segment)
            return
        if listener is None:
            yield Problem(f"workloads[{reference}]", f"has no TCP listener {PORT}")
        elif listener.port < PRIVILEGED:
            yield Problem(f"workloads[{reference}].listens[{PORT}]", f"is on port {listener.port}", None, f"{PRIVILEGED} or above")
