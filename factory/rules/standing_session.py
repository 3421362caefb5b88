"""Roles that always open running pods."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.spec import Factory

from .rule import REFUSED_IN_PRODUCTION, Problem, rule


@rule(
    "ZT409",
    "Production opens no running pod to a standing role",
    why="A shell in a pod has all that the workload has: its data, its weights, its identity, and no log of what was typed.",
    fix="Remove the `sessions`; look at logs and metrics instead.",
    references=(controls.TENET_3, controls.TENET_6, controls.PODS),
    severity=REFUSED_IN_PRODUCTION,
)
def find_standing_sessions(factory: Factory) -> Iterator[Problem]:
    for role in factory.roles:
        if role.sessions:
            yield Problem(f"roles[{role.name}].sessions", "opens running pods, at any time", value=listed(role.sessions))
