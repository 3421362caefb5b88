"""Segments without a bound."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT302",
    "A segment has a quota for CPU and memory",
    why="Without it one segment, by accident or by an attacker's miner, starves all others on the same nodes.",
    fix="Set `quota.cpu` and `quota.memory` to the most that it may use.",
    references=(controls.CIS_NAMESPACES, controls.TENET_5),
    severity=REFUSED_IN_PRODUCTION,
)
def find_missing_quotas(factory: Factory) -> Iterator[Problem]:
    for segment in factory.segments:
        path, quota = f"segments[{segment.name}].quota", segment.quota
        if quota is None:
            yield Problem(path, "is missing")
            continue
        for resource, amount in (("cpu", quota.cpu), ("memory", quota.memory)):
            if amount is None:
                yield Problem(f"{path}.{resource}", "is missing")
