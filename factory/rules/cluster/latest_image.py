"""Images that change under their name."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory

from .images import images, tag_of


@rule(
    "ZT502",
    "An image is named by a tag that stays, or by digest",
    why="`latest`, or no tag at all, is whatever was pushed last: nobody reviewed it, and two nodes may run two of them.",
    fix="Name the image by digest, `repository@sha256:…`.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN, controls.CIS_ADMISSION),
    severity=REFUSED_IN_PRODUCTION,
)
def find_latest_images(factory: Factory) -> Iterator[Problem]:
    for path, image in images(factory):
        if "@" not in image and tag_of(image) in (None, "latest"):
            yield Problem(path, "is whatever was pushed last")
