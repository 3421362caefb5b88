"""Resource claims on clusters without them."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import DeviceApi, Factory


@rule(
    "ZT309",
    "Dynamic resource allocation needs Kubernetes 1.34",
    why="Before 1.34 `resource.k8s.io/v1` is not served (KEP-4381), so that the plan could not be applied.",
    fix="Use `gpu.api: DevicePlugin`, or a newer cluster.",
    references=(controls.CIS_NAMESPACES,),
    waivable=False,
)
def find_unclaimable_devices(factory: Factory) -> Iterator[Problem]:
    if factory.cluster.minor < 34:
        for pool in factory.pools:
            if pool.gpu.api is DeviceApi.DYNAMIC_RESOURCE_ALLOCATION:
                yield Problem(f"pools[{pool.name}].gpu.api", f"needs Kubernetes 1.34, and the cluster has {factory.cluster.version}")
