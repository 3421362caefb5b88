"""Roles that nobody agrees to."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.catalogue import BREAK_GLASS
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT417",
    "Somebody else agrees before a role is held",
    why="Who takes a role alone is one phished person away from an intruder with that role. Only `break-glass` works without, loudly.",
    fix="Name the group that agrees in `approvers`.",
    references=(controls.TENET_3, controls.TENET_6, controls.AUTHORIZATION),
    waivable=False,
)
def find_unapproved_eligibility(factory: Factory) -> Iterator[Problem]:
    for eligibility in factory.eligibility:
        if eligibility.approvers is None and eligibility.role != BREAK_GLASS:
            yield Problem(f"eligibility[{eligibility.reference}]", "has no approvers")
