"""Images without digest."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .images import images, tag_of


@rule(
    "ZT503",
    "An image is named by digest where digests are required",
    why="A tag can be moved to other code; a digest cannot. Admission refuses pods without one, so that such a workload never starts.",
    fix="Add `@sha256:…`, which your registry shows beside the tag.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN, controls.CIS_ADMISSION),
    waivable=False,
)
def find_missing_digests(factory: Factory) -> Iterator[Problem]:
    digests = factory.production if factory.images.digests is None else factory.images.digests
    if digests:
        for path, image in images(factory):
            if "@" not in image and tag_of(image) not in (None, "latest"):
                yield Problem(path, "has no digest")
