"""Roles that always open running pods."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.plan.catalogue import sessions
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT409",
    "Production opens no running pod to a standing role",
    why="A shell in a pod has all that the workload has: its data, its weights, its identity, and no log of what was typed.",
    fix="Make the group eligible for the role (`eligibility`) instead; look at logs and metrics.",
    references=(controls.TENET_3, controls.TENET_6, controls.PODS),
    severity=REFUSED_IN_PRODUCTION,
)
def find_standing_sessions(factory: Factory) -> Iterator[Problem]:
    for role in sorted({access.role for access in factory.access}):
        if opened := sessions(factory, role):
            own = any(own.name == role for own in factory.roles)
            held = next(access for access in factory.access if access.role == role)
            path = f"roles[{role}].sessions" if own else f"access[{held.reference}].role"
            yield Problem(path, "opens running pods, at any time", value=listed(opened))
