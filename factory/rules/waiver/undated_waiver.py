"""Waivers without a real date."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule

from .waivers import Waivers, expiry


@rule(
    "ZT906",
    "A waiver's date exists",
    why="A waiver that never comes to its date would never end, so one whose date does not exist silences nothing.",
    fix="Write a day of the calendar.",
    references=(controls.TENET_7,),
    waivable=False,
    over=Waivers,
)
def find_undated_waivers(waivers: Waivers) -> Iterator[Problem]:
    for waiver in waivers.waivers:
        if expiry(waiver) is None:
            yield Problem(f"waivers[{waiver.reference}].expires", "is not a day of the calendar", waiver.expires)
