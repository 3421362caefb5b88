"""Waivers that silence nothing."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import did_you_mean
from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule

from .waivers import Waivers


@rule(
    "ZT902",
    "A waiver silences a finding",
    why="A waiver without a finding lies in wait for the next one at that place, which nobody will see.",
    fix="Remove it, or correct its path: `factory validate` prints the path of each finding.",
    references=(controls.TENET_5, controls.TENET_7),
    severity=REFUSED_IN_PRODUCTION,
    waivable=False,
    over=Waivers,
)
def find_unused_waivers(waivers: Waivers) -> Iterator[Problem]:
    for waiver in waivers.valid:
        if (waiver.rule, waiver.path) not in waivers.found:
            near = did_you_mean(waiver.path, (path for rule, path in waivers.found if rule == waiver.rule))
            yield Problem(f"waivers[{waiver.reference}]", f"silences nothing: {waiver.rule} finds nothing there", fix=near or None)
