"""Roles that read secrets."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT406",
    "No role reads secrets",
    why="Who reads a Secret is, to every system behind it, the workload that it belongs to. `list` shows the contents too (CIS 5.1.2).",
    fix="Remove `secrets` from the role.",
    references=(controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC, controls.CIS_SECRETS),
)
def find_secret_readers(factory: Factory) -> Iterator[Problem]:
    for role in factory.roles:
        for position, permission in enumerate(role.permissions):
            if "secrets" in permission.resources and not {"get", "list", "watch"}.isdisjoint(permission.verbs):
                yield Problem(f"roles[{role.name}].permissions[{position}].resources", "lets its holder read secrets")
