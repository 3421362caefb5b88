"""People who may always write."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import VIEWER, Factory

from .power import may_write


@rule(
    "ZT402",
    "People hold no standing write access in Production",
    why="A permission that is always there is there for whoever steals the laptop. What changes Production is the pipeline, or a grant "
    "that ends.",
    fix="Grant `viewer`, make the group eligible for the role (`eligibility`), and let a delivery tool's `serviceAccount` make changes.",
    references=(controls.TENET_3, controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC),
    severity=REFUSED_IN_PRODUCTION,
)
def find_standing_writes(factory: Factory) -> Iterator[Problem]:
    power = may_write(factory)
    for access in factory.access:
        if access.group is not None and power[access.role]:
            yield Problem(f"access[{access.reference}].role", "lets people change what runs, at any time", access.role, VIEWER)
