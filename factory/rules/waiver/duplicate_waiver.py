"""Two waivers for one finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule

from .waivers import Waivers


@rule(
    "ZT904",
    "A finding has one waiver",
    why="With two, the later date holds whatever was agreed in the earlier one.",
    fix="Remove one.",
    references=(controls.TENET_7,),
    waivable=False,
    over=Waivers,
)
def find_duplicate_waivers(waivers: Waivers) -> Iterator[Problem]:
    for reference, count in Counter(waiver.reference for waiver in waivers.waivers).items():
        if count > 1:
            yield Problem(f"waivers[{reference}]", f"is declared {count} times")
