"""Pools that nobody in a segment uses."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT306",
    "A pool is granted to segments that use it",
    why="A grant without a user is the one that nobody misses when a thief takes it up.",
    fix="Name the pool in the workload that needs it, or remove the segment from the pool.",
    references=(controls.TENET_3,),
    severity=REFUSED_IN_PRODUCTION,
)
def find_idle_pools(factory: Factory) -> Iterator[Problem]:
    used = {(workload.pool, workload.segment) for workload in factory.workloads}
    for pool in factory.pools:
        for segment in pool.segments:
            if (pool.name, segment) not in used:
                yield Problem(f"pools[{pool.name}].segments[{segment}]", "has no workload that uses the pool")
