"""Intermediates that would outlive their root."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import BootstrapRoot, Factory, seconds

from .roots import certificates


@rule(
    "ZT706",
    "An intermediate's life is shorter than its root's",
    why="A chain ends with its root, whatever an intermediate says: certificates that still look good would stop to work all at once.",
    fix="Shorten `keys.intermediateLife`, or have the root live longer.",
    references=(controls.TENET_2, controls.TENET_5),
    waivable=False,
)
def find_long_intermediates(factory: Factory) -> Iterator[Problem]:
    if factory.keys is None:
        return
    life, root = timedelta(seconds=seconds(factory.keys.intermediate_life)), factory.keys.root
    lives = [certificate.not_valid_after_utc - certificate.not_valid_before_utc for _, certificate in certificates(factory)]
    if isinstance(root, BootstrapRoot):
        lives.append(timedelta(seconds=seconds(root.life)))
    if lives and life >= min(lives):
        yield Problem(
            "keys.intermediateLife", f"is no shorter than a root's, {min(lives) // timedelta(hours=1)}h", factory.keys.intermediate_life
        )
