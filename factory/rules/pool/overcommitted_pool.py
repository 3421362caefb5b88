"""Queues that promise more than there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, KarpenterPool


@rule(
    "ZT317",
    "Queues share out no more GPUs than a pool may have",
    why="Jobs are admitted against GPUs that will never come, and hold the others while they wait.",
    fix="Lower the shares, or raise the pool's `maxGpus`.",
    references=(controls.CIS_NAMESPACES,),
    severity=REFUSED_IN_PRODUCTION,
)
def find_overcommitted_pools(factory: Factory) -> Iterator[Problem]:
    shares: Counter[str] = Counter()
    for queue in factory.queues:
        for share in queue.shares:
            shares[share.pool] += share.gpu
    for pool in factory.pools:
        if isinstance(pool, KarpenterPool) and shares[pool.name] > pool.max_gpus:
            problem = f"is less than its queues share out: {shares[pool.name]}"
            yield Problem(f"pools[{pool.name}].maxGpus", problem, str(pool.max_gpus), f"at least {shares[pool.name]}")
