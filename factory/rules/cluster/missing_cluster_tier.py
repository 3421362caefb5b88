"""Factories that lean on namespaces alone."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory, NetworkEngine


@rule(
    "ZT511",
    "Production has a tier of network policy above its namespaces",
    why="NetworkPolicy v1 has no deny: whoever can add a policy in a namespace can open it. A cluster-wide tier cannot be undone from "
    "there.",
    fix="Set `cluster.clusterNetworkPolicy: true` where the engine serves it, or use Cilium. Guardrails still let only the deployer "
    "write policies.",
    references=(controls.NETWORK, controls.CIS_NETWORK),
    severity=WARNED,
)
def find_missing_cluster_tiers(factory: Factory) -> Iterator[Problem]:
    cluster = factory.cluster
    if factory.production and cluster.network_policy is NetworkEngine.KUBERNETES and not cluster.cluster_network_policy:
        yield Problem("cluster.clusterNetworkPolicy", "is not set, and NetworkPolicy alone has no deny")
