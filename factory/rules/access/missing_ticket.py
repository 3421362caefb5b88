"""Grants without the ticket that they need."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .eligible import eligible


@rule(
    "ZT422",
    "A grant names a ticket where its eligibility asks for one",
    why="In a year the ticket is all that tells what the person did with the role.",
    fix="Name the ticket.",
    references=(controls.TENET_7, controls.AUTHORIZATION),
)
def find_missing_tickets(factory: Factory) -> Iterator[Problem]:
    for grant in factory.grants:
        found = eligible(factory, grant)
        if grant.ticket is None and found and all(eligibility.ticket for eligibility in found):
            yield Problem(f"grants[{grant.reference}]", "has no ticket")
