"""Doors of the registry with a second job."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.registry import READ, WRITE, find_registry
from factory.rules.rule import Problem, rule
from factory.spec import Factory, Protocol

HTTPS = 443


@rule(
    "ZT745",
    "A door of the registry does nothing but that",
    why="It parses what others send it and holds every model. What else it may touch is what a thief takes along, and whom it may call is "
    "where the models go.",
    fix="Give that to a workload of its own. A door calls nobody, but for HTTPS where the store is a bucket.",
    references=(controls.TENET_3, controls.NETWORK),
)
def find_busy_doors(factory: Factory) -> Iterator[Problem]:
    registry = find_registry(factory)
    if registry is None:
        return
    for door in (WRITE, READ):
        workload = factory.workload[f"{registry.segment}/{door}"]
        path = f"workloads[{workload.reference}]"
        for field in ("reads", "writes", "produces", "serves"):
            for name in getattr(workload, field):
                yield Problem(f"{path}.{field}[{name}]", "is granted to a door of the registry")
        if workload.pool:
            yield Problem(f"{path}.pool", "is granted to a door of the registry", workload.pool)
        for egress in workload.egress:
            if registry.s3 is None or (egress.port, egress.protocol) != (HTTPS, Protocol.TCP):
                yield Problem(f"{path}.egress[{egress.reference}]", "leads out of a door of the registry")
        for flow in factory.flows:
            if flow.source == workload.reference:
                yield Problem(f"flows[{flow.reference}]", "leads out of a door of the registry")
