"""Access for the factory's own workloads."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls, names
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT413",
    "Access goes to people and delivery tools, never to workloads",
    why="A workload that may change its segment through the API server needs no flow, no pool and no image of its own: it grants itself "
    "another's.",
    fix="Let a tool outside the factory's namespaces do it, or ask for the workload's own mechanism.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_workload_access(factory: Factory) -> Iterator[Problem]:
    namespaces = {names.namespace(factory.name, segment.name): segment.name for segment in factory.segments}
    for access in factory.access:
        namespace = (access.service_account or "").partition("/")[0]
        if namespace in namespaces:
            path = f"access[{access.reference}].serviceAccount"
            yield Problem(path, f"lives in segment {namespaces[namespace]}", access.service_account)
