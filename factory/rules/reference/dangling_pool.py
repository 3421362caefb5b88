"""References to pools."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .dangling import dangling


@rule(
    "ZT015",
    "A pool that is referred to exists",
    why="A workload whose pool does not exist waits for ever, or runs on the nodes of whoever declares that name later.",
    fix="Declare the pool, or correct the name.",
    references=(controls.TENET_1,),
    waivable=False,
)
def find_dangling_pools(factory: Factory) -> Iterator[Problem]:
    known = factory.pool
    for workload in factory.workloads:
        if workload.pool is not None and workload.pool not in known:
            yield dangling(f"workloads[{workload.reference}].pool", "pools", workload.pool, known)
    for queue in factory.queues:
        for share in queue.shares:
            if share.pool not in known:
                yield dangling(f"queues[{queue.name}].shares[{share.pool}].pool", "pools", share.pool, known)
