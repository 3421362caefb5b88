"""Signatures of what a tag says today."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT768",
    "Signed images are named by digest",
    why="A signature is a digest's. Between the moment when a tag was verified and the moment when a node pulls it, somebody may move it.",
    fix="Set `images.digests: true`.",
    references=(controls.SUPPLY_CHAIN, controls.CIS_ADMISSION),
    waivable=False,
)
def find_signed_tags(factory: Factory) -> Iterator[Problem]:
    digests = factory.production if factory.images.digests is None else factory.images.digests
    if factory.images.signers and not digests:
        yield Problem("images.signers", "need digests, and `images.digests` is off")
