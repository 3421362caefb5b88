"""Waivers that are over."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule

from .waivers import Waivers, expiry


@rule(
    "ZT901",
    "A waiver is not over",
    why="A waiver is a promise to mend something by a date. After it, the finding is back.",
    fix="Mend what the waiver covers and remove it, or agree on a new date with its owner.",
    references=(controls.TENET_5, controls.TENET_7),
    waivable=False,
    over=Waivers,
)
def find_expired_waivers(waivers: Waivers) -> Iterator[Problem]:
    for waiver in waivers.waivers:
        expires = expiry(waiver)
        if expires is not None and expires < waivers.today:
            yield Problem(f"waivers[{waiver.reference}].expires", f"is over: today is {waivers.today}", waiver.expires)
