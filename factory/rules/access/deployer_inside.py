"""Deployers that live in the factory."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls, names
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT412",
    "The deployer lives outside the factory's namespaces",
    why="A workload that may change the guardrails is not guarded by them.",
    fix="Use a ServiceAccount of the delivery tool's own namespace.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_deployers_inside(factory: Factory) -> Iterator[Problem]:
    for segment in factory.segments:
        if factory.deployer.user.startswith(f"system:serviceaccount:{names.namespace(factory.name, segment.name)}:"):
            yield Problem("deployer.user", f"is a ServiceAccount of segment {segment.name}", factory.deployer.user)
