"""Roles that nobody holds."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT410",
    "A role is granted to somebody",
    why="A role that nobody holds is not reviewed, and is the first one that a hurried grant takes.",
    fix="Grant it, make somebody eligible for it, or remove it.",
    references=(controls.TENET_3, controls.CIS_RBAC),
    severity=WARNED,
)
def find_unused_roles(factory: Factory) -> Iterator[Problem]:
    granted = {access.role for access in factory.access} | {eligibility.role for eligibility in factory.eligibility}
    granted |= {grant.role for grant in factory.grants}
    for role in factory.roles:
        if role.name not in granted:
            yield Problem(f"roles[{role.name}]", "is granted to nobody")
