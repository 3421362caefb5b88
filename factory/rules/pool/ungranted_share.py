"""Queues over pools that are not theirs."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT308",
    "A queue and its segments have pools in common",
    why="A queue's share reserves GPUs. Where no pod of its segments may run on the pool, they are reserved for nobody; and a segment "
    "without any of the queue's pools sends jobs that never start.",
    fix="Add the segment to the pool's `segments`, or take the share or the segment out of the queue.",
    references=(controls.TENET_3,),
)
def find_ungranted_shares(factory: Factory) -> Iterator[Problem]:
    granted = {pool.name: frozenset(pool.segments) for pool in factory.pools}
    for queue in factory.queues:
        for share in queue.shares:
            if granted[share.pool].isdisjoint(queue.segments):
                problem = f"is of a pool that is granted to none of {listed(queue.segments)}"
                yield Problem(f"queues[{queue.name}].shares[{share.pool}]", problem)
        reached = frozenset().union(*(granted[share.pool] for share in queue.shares))
        for segment in queue.segments:
            if segment not in reached:
                yield Problem(f"queues[{queue.name}].segments[{segment}]", "has none of the queue's pools")
