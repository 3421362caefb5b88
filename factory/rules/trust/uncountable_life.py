"""Lives of intermediates in which a root's owner cannot count."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.trust import DAY
from factory.rules.rule import Problem, rule
from factory.spec import Factory, seconds


@rule(
    "ZT707",
    "An intermediate lives for whole days",
    why="A person signs it, with OpenSSL, which counts in days. A life of hours would end before its root's owner could sign the next.",
    fix="Name whole days in hours: 720h, 2160h.",
    references=(controls.TENET_5,),
    waivable=False,
)
def find_uncountable_lives(factory: Factory) -> Iterator[Problem]:
    if factory.keys is not None and seconds(factory.keys.intermediate_life) % DAY:
        yield Problem("keys.intermediateLife", "is not whole days", factory.keys.intermediate_life, "24h, 48h, and so on")
