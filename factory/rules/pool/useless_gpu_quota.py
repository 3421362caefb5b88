"""GPU quotas without GPUs."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT318",
    "A segment with a GPU quota has a GPU pool",
    why="The quota promises what admission refuses: without a pool no pod of the segment may ask for a GPU.",
    fix="Grant a pool to the segment, or remove `quota.gpu`.",
    references=(controls.CIS_NAMESPACES,),
    severity=WARNED,
)
def find_useless_gpu_quotas(factory: Factory) -> Iterator[Problem]:
    granted = {segment for pool in factory.pools for segment in pool.segments}
    for segment in factory.segments:
        if segment.quota is not None and segment.quota.gpu and segment.name not in granted:
            yield Problem(f"segments[{segment.name}].quota.gpu", "is set, while no pool is granted", str(segment.quota.gpu))
