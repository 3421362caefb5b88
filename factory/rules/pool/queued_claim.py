"""Queues over devices that they do not count."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import DeviceApi, Factory


@rule(
    "ZT319",
    "Queues share out pools of the device plugin",
    why="Kueue counts resource requests. Claims of a pool with dynamic resource allocation pass it by, unless its own configuration "
    "maps their class.",
    fix="Use `gpu.api: DevicePlugin` for a pool with queues, or map its DeviceClass in Kueue's configuration and waive this.",
    references=(controls.CIS_NAMESPACES,),
    severity=WARNED,
)
def find_queued_claims(factory: Factory) -> Iterator[Problem]:
    for queue in factory.queues:
        for share in queue.shares:
            if factory.pool[share.pool].gpu.api is DeviceApi.DYNAMIC_RESOURCE_ALLOCATION:
                yield Problem(
                    f"queues[{queue.name}].shares[{share.pool}]", "is of a pool whose GPUs are claimed, which Kueue does not count"
                )
