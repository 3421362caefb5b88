"""Grants that would last for days."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.catalogue import BREAK_GLASS
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT416",
    "A role that is held for a while is held for hours",
    why="A grant that outlasts a shift is a standing one. `break-glass`, which nobody agrees to, is for an emergency: an hour, and again.",
    fix="Choose a shorter `longest`.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
)
def find_long_eligibility(factory: Factory) -> Iterator[Problem]:
    for eligibility in factory.eligibility:
        hours = 1 if eligibility.role == BREAK_GLASS else 12
        if eligibility.longest_seconds > hours * 3600:
            yield Problem(f"eligibility[{eligibility.reference}].longest", "is too long", eligibility.longest, f"at most {hours}h")
