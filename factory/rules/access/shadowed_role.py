"""Roles that take the name of a built-in one."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import OPERATOR, VIEWER, Factory


@rule(
    "ZT408",
    "A role does not take the name of a built-in one",
    why="Everybody knows what a `viewer` may do. One that may do more is how a grant passes review.",
    fix="Choose another name.",
    references=(controls.TENET_3, controls.CIS_RBAC),
    waivable=False,
)
def find_shadowed_roles(factory: Factory) -> Iterator[Problem]:
    for role in factory.roles:
        if role.name in (VIEWER, OPERATOR):
            yield Problem(f"roles[{role.name}]", "has the name of a built-in role")
