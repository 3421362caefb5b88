"""Workloads on pools that are not theirs."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT305",
    "A workload's pool is granted to its segment",
    why="The pool's list of segments is what its owner has agreed to. A workload cannot add itself.",
    fix="Add the segment to the pool's `segments`, or choose a pool that it has.",
    references=(controls.TENET_3,),
    waivable=False,
)
def find_ungranted_pools(factory: Factory) -> Iterator[Problem]:
    segments = {pool.name: frozenset(pool.segments) for pool in factory.pools}
    for workload in factory.workloads:
        if workload.pool is not None and workload.segment not in segments[workload.pool]:
            granted = listed(pool for pool, names in segments.items() if workload.segment in names)
            path = f"workloads[{workload.reference}].pool"
            yield Problem(path, f"is not granted to segment {workload.segment}", workload.pool, granted)
