"""Waivers of what cannot be waived."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import did_you_mean
from factory.plan import controls
from factory.rules.rule import Problem, rule

from .waivers import Waivers


@rule(
    "ZT903",
    "A waiver is of a rule that may be waived",
    why="Where a rule may not be waived, the cluster would refuse the plan, or a guardrail could be removed by whom it guards.",
    fix="Remove the waiver and mend what the rule has found.",
    references=(controls.TENET_5,),
    waivable=False,
    over=Waivers,
)
def find_refused_waivers(waivers: Waivers) -> Iterator[Problem]:
    for waiver in waivers.waivers:
        waivable = waivers.waivable.get(waiver.rule)
        if waivable is None:
            fix = did_you_mean(waiver.rule, waivers.waivable) or "Name the rule as `factory validate` prints it."
            yield Problem(f"waivers[{waiver.reference}].rule", "is not the id of a rule", waiver.rule, fix=fix)
        elif not waivable:
            yield Problem(f"waivers[{waiver.reference}].rule", "may not be waived", waiver.rule)
