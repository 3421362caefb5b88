"""Host names where the engine knows none."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, NetworkEngine


@rule(
    "ZT108",
    "Egress to a host name needs an engine that knows names",
    why="NetworkPolicy v1 knows addresses only. The plan would need a CiliumNetworkPolicy, which such a cluster does not have, or "
    "worse, ignores.",
    fix="Write the address range, or set `cluster.networkPolicy: Cilium` where Cilium runs.",
    references=(controls.NETWORK, controls.CIS_NETWORK),
    waivable=False,
)
def find_named_egress(factory: Factory) -> Iterator[Problem]:
    if factory.cluster.network_policy is NetworkEngine.CILIUM:
        return
    for workload in factory.workloads:
        for egress in workload.egress:
            if egress.host:
                path = f"workloads[{workload.reference}].egress[{egress.reference}].host"
                yield Problem(path, "is a host name, which NetworkPolicy cannot express", egress.host, "a cidr")
