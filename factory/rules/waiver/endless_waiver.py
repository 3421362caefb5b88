"""Waivers that last for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule

from .waivers import Waivers, expiry


@rule(
    "ZT905",
    "A waiver ends within a year",
    why="Who promises to mend something in ten years has no plan to mend it.",
    fix="Choose a date by which it will be mended or looked at again.",
    references=(controls.TENET_7,),
    severity=WARNED,
    waivable=False,
    over=Waivers,
)
def find_endless_waivers(waivers: Waivers) -> Iterator[Problem]:
    last = waivers.today + timedelta(days=366)
    for waiver in waivers.waivers:
        expires = expiry(waiver)
        if expires is not None and expires > last:
            yield Problem(f"waivers[{waiver.reference}].expires", "is more than a year ahead", waiver.expires, f"at most {last}")
