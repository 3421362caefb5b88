"""Quantities of nothing."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory
from factory.spec.quantity import millicores


@rule(
    "ZT313",
    "No quantity is zero",
    why="A limit of zero is a segment in which nothing runs. It is a typing mistake more often than a decision.",
    fix="Give the amount, or leave the field out.",
    references=(controls.CIS_NAMESPACES,),
)
def find_zero_quantities(factory: Factory) -> Iterator[Problem]:
    for segment in factory.segments:
        path, quota, limits = f"segments[{segment.name}]", segment.quota, segment.limits
        amounts = {"limits.defaultCpu": limits.default_cpu, "limits.maxCpu": limits.max_cpu, "quota.cpu": quota.cpu if quota else None}
        for field, amount in amounts.items():
            if amount is not None and millicores(amount) == 0:
                yield Problem(f"{path}.{field}", "is zero", amount)
        if quota is not None and quota.pods == 0:
            yield Problem(f"{path}.quota.pods", "is zero", "0")
    for queue in factory.queues:
        for share in queue.shares:
            if share.gpu == 0 and share.borrows == 0:
                yield Problem(f"queues[{queue.name}].shares[{share.pool}].gpu", "is zero, and nothing may be borrowed", "0")
