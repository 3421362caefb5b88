"""Containers that may be larger than their segment."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory
from factory.spec.quantity import memory_bytes, millicores


@rule(
    "ZT303",
    "A container fits into its segment's quota",
    why="A maximum above the quota bounds nothing, and a default above it means that no plain pod ever starts.",
    fix="Lower the limit, or raise the quota.",
    references=(controls.CIS_NAMESPACES,),
)
def find_limits_over_quota(factory: Factory) -> Iterator[Problem]:
    for segment in factory.segments:
        if (quota := segment.quota) is None:
            continue
        limits = segment.limits
        for field, amount, most, measure in (
            ("defaultCpu", limits.default_cpu, quota.cpu, millicores),
            ("maxCpu", limits.max_cpu, quota.cpu, millicores),
            ("defaultMemory", limits.default_memory, quota.memory, memory_bytes),
            ("maxMemory", limits.max_memory, quota.memory, memory_bytes),
        ):
            if amount is not None and most is not None and measure(amount) > measure(most):
                path = f"segments[{segment.name}].limits.{field}"
                yield Problem(path, "is more than the whole segment may use", amount, f"at most {most}")
