"""GPU pools without a bound."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT301",
    "A segment with a GPU pool has a GPU quota",
    why="GPUs are the dearest thing in the factory. Without a quota one segment, or whoever has stolen it, takes the whole pool.",
    fix="Set the segment's `quota.gpu` to the most that it may use.",
    references=(controls.CIS_NAMESPACES, controls.TENET_5),
)
def find_missing_gpu_quotas(factory: Factory) -> Iterator[Problem]:
    granted: dict[str, list[str]] = {}
    for pool in factory.pools:
        for segment in pool.segments:
            granted.setdefault(segment, []).append(pool.name)
    for name, pools in granted.items():
        quota = factory.segment[name].quota
        if quota is None or not quota.gpu:
            problem = "is missing" if quota is None or quota.gpu is None else "is zero"
            yield Problem(f"segments[{name}].quota.gpu", f"{problem}, while pool {' and '.join(sorted(pools))} is granted")
