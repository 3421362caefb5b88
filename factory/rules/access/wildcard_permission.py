"""Permissions for everything."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT404",
    "A permission names what it permits",
    why="A wildcard also means every resource and verb that the cluster learns later (CIS 5.1.3).",
    fix="List the API groups, resources and verbs.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_wildcard_permissions(factory: Factory) -> Iterator[Problem]:
    for role in factory.roles:
        for position, permission in enumerate(role.permissions):
            for field, words in (("apiGroups", permission.api_groups), ("resources", permission.resources), ("verbs", permission.verbs)):
                if wild := next((word for word in words if "*" in word), None):
                    yield Problem(f"roles[{role.name}].permissions[{position}].{field}", "has a wildcard", wild)
