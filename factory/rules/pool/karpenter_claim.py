"""Resource claims that make no node."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import DeviceApi, Factory, KarpenterPool


@rule(
    "ZT310",
    "Karpenter makes nodes for extended resources, not for claims",
    why="Karpenter does not scale for pods that only hold ResourceClaims: the pool stays empty and its pods wait for ever.",
    fix="Use `gpu.api: DevicePlugin` with Karpenter, or claims on Static or ClusterAPI pools.",
    references=(controls.CIS_NAMESPACES,),
)
def find_karpenter_claims(factory: Factory) -> Iterator[Problem]:
    for pool in factory.pools:
        if isinstance(pool, KarpenterPool) and pool.gpu.api is DeviceApi.DYNAMIC_RESOURCE_ALLOCATION:
            yield Problem(f"pools[{pool.name}].gpu.api", "is nothing that Karpenter makes nodes for", pool.gpu.api, DeviceApi.DEVICE_PLUGIN)
