"""Pools across owners."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT307",
    "Owners share a GPU pool only with a reason",
    why="Tenants on one node share its kernel, its GPU driver and what the GPU's memory still holds: one that breaks out stands beside "
    "the other.",
    fix="Give each owner a pool, or say in `sharing` why they may share this one.",
    references=(controls.TENET_3, controls.PODS),
)
def find_shared_pools(factory: Factory) -> Iterator[Problem]:
    for pool in factory.pools:
        owners = {factory.segment[name].owner for name in pool.segments}
        if len(owners) > 1 and pool.sharing is None:
            yield Problem(f"pools[{pool.name}].segments", f"belong to different owners: {listed(owners)}")
