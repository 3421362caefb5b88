"""Grants of roles that nobody is eligible for."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .eligible import eligible


@rule(
    "ZT419",
    "A grant is of a role that somebody is eligible for",
    why="Eligibility says who may hold what, and for how long at most. A grant beside it is a standing one that somebody forgot to review.",
    fix="Make a group of the person eligible for the role in this segment, or grant another role.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_ineligible_grants(factory: Factory) -> Iterator[Problem]:
    for grant in factory.grants:
        if not eligible(factory, grant):
            path = f"grants[{grant.reference}].role"
            yield Problem(path, f"is one that nobody is eligible for in {grant.segment}", grant.role)
