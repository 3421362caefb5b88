"""References to roles."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.catalogue import permissions
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .dangling import dangling


@rule(
    "ZT018",
    "A role that is granted exists",
    why="A grant of a role that does not exist gives nothing today, and whatever somebody puts into that role later.",
    fix="Declare the role, or grant a built-in one.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_dangling_roles(factory: Factory) -> Iterator[Problem]:
    known = permissions(factory)
    for collection in ("access", "eligibility", "grants"):
        for held in getattr(factory, collection):
            if held.role not in known:
                yield dangling(f"{collection}[{held.reference}].role", "roles", held.role, known)
