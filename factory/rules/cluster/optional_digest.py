"""Digests switched off."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT504",
    "Production requires digests",
    why="Without digests admission lets in whatever a tag points to at that moment.",
    fix="Remove `images.digests: false`.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN, controls.CIS_ADMISSION),
)
def find_optional_digests(factory: Factory) -> Iterator[Problem]:
    if factory.production and factory.images.digests is False:
        yield Problem("images.digests", "is switched off in Production", "false", "true")
