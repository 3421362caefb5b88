"""Models that no node can pull."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.registry import PORT, READ, find_registry
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT744",
    "Nodes reach the read door where models are served",
    why="A kubelet pulls a model from its node's own address, not from the pod that mounts it. Without a flow no pod with a model starts, "
    "unless the door happens to run on the same node.",
    fix="Declare a peer with the `cidr` of the nodes, and a flow from it to `registry-read`, port `https`.",
    references=(controls.TENET_2, controls.NETWORK),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unpullable_models(factory: Factory) -> Iterator[Problem]:
    registry = find_registry(factory)
    if registry is None or not any(workload.serves for workload in factory.workloads):
        return
    door = f"{registry.segment}/{READ}"
    if not any(flow.to == door and flow.source in factory.peer and factory.peer[flow.source].cidr for flow in factory.flows):
        yield Problem(f"workloads[{door}].listens[{PORT}]", "is reached by no peer with an address range, and nodes have no other mark")
