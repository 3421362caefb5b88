"""Doors that may not run their own image."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.plan.registry import READ, WRITE, find_registry
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT749",
    "The registry's image is one that its doors may run, and does not lie in the registry itself",
    why="Admission refuses pods with an image that their workload does not list. A registry that must be pulled from itself never starts "
    "again once it is down.",
    fix="List the image in the `images` of both doors, or leave these out; keep it in another registry.",
    references=(controls.SUPPLY_CHAIN, controls.CIS_ADMISSION),
    waivable=False,
)
def find_unlisted_registry_images(factory: Factory) -> Iterator[Problem]:
    registry = find_registry(factory)
    if registry is None:
        return
    if registry.image.startswith((f"{registry.host}/", f"{registry.host}:")):
        yield Problem("registry.image", "lies in the registry that it is to run", registry.image)
        return
    for door in (WRITE, READ):
        workload = factory.workload[f"{registry.segment}/{door}"]
        if workload.images and registry.image not in workload.images:
            yield Problem("registry.image", f"is none that {workload.reference} may run", registry.image, listed(workload.images))
            return
