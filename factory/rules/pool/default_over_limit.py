"""Defaults above their maximum."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory
from factory.spec.quantity import memory_bytes, millicores


@rule(
    "ZT304",
    "A container's default is within its maximum",
    why="The API server refuses such a LimitRange, so that the segment would have none.",
    fix="Lower the default, or raise the maximum.",
    references=(controls.CIS_NAMESPACES,),
    waivable=False,
)
def find_defaults_over_limit(factory: Factory) -> Iterator[Problem]:
    for segment in factory.segments:
        limits = segment.limits
        for field, amount, most, measure in (
            ("defaultCpu", limits.default_cpu, limits.max_cpu, millicores),
            ("defaultMemory", limits.default_memory, limits.max_memory, memory_bytes),
        ):
            if most is not None and measure(amount) > measure(most):
                path = f"segments[{segment.name}].limits.{field}"
                yield Problem(path, "is more than one container may ask for", amount, f"at most {most}")
