"""Grants that are not in force."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule

from .eligible import Grants, moment


@rule(
    "ZT423",
    "A grant is in force",
    why="What is over has been taken away in the cluster: in the spec it only misleads, and the next deployment would ask for it again. "
    "One that begins later cannot be held back: it would be in force from the deployment on.",
    fix="Remove it when it is over; add it when it begins.",
    references=(controls.TENET_3, controls.TENET_7),
    waivable=False,
    over=Grants,
)
def find_ended_grants(grants: Grants) -> Iterator[Problem]:
    for grant in grants.grants:
        for field, wanted in (("since", moment(grant.since)), ("until", moment(grant.until))):
            path, value = f"grants[{grant.reference}].{field}", getattr(grant, field)
            if wanted is None:
                yield Problem(path, "is no moment of the calendar", value)
            elif field == "until" and wanted <= grants.earliest:
                yield Problem(path, f"is over: it is {grants.earliest:%Y-%m-%dT%H:%M:%SZ}", value, fix="Remove the grant.")
            elif field == "since" and wanted > grants.latest:
                yield Problem(path, f"is not yet: it is {grants.earliest:%Y-%m-%dT%H:%M:%SZ}", value, fix="Add the grant when it begins.")
