"""Images from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .images import images


@rule(
    "ZT505",
    "An image comes from the factory's registries",
    why="Admission refuses images from anywhere else, so that such a workload never starts.",
    fix="Copy the image into a registry of the factory, or add its registry to `images.registries`.",
    references=(controls.SUPPLY_CHAIN, controls.CIS_ADMISSION),
    waivable=False,
)
def find_foreign_images(factory: Factory) -> Iterator[Problem]:
    registries = factory.images.registries
    for path, image in images(factory):
        if not image.startswith(registries):
            yield Problem(path, "is from none of the registries", allowed=listed(registries))
