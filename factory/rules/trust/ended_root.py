"""Roots that are not good today."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule

from .roots import Roots, certificates


@rule(
    "ZT709",
    "A root is good today",
    why="Nobody believes a chain whose root is over, or has not begun: nothing that speaks TLS would speak to anything.",
    fix="Name a root that is good, and have the intermediates signed by it. `next` may be one that begins later.",
    references=(controls.TENET_2, controls.TENET_5),
    waivable=False,
    over=Roots,
)
def find_ended_roots(roots: Roots) -> Iterator[Problem]:
    for path, certificate in certificates(roots.factory):
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if end <= roots.earliest:
            yield Problem(path, f"was over on {end:%Y-%m-%d}: today is {roots.earliest:%Y-%m-%d}")
        elif start > roots.latest and path.endswith("certificate"):
            yield Problem(path, f"begins on {start:%Y-%m-%d}: today is {roots.earliest:%Y-%m-%d}")
