"""Pools that a cluster cannot make."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Distribution, Factory, KarpenterPool


@rule(
    "ZT315",
    "A Karpenter pool runs on AWS",
    why="The plan writes an EC2NodeClass, which AKS and GKE have nothing to make nodes from.",
    fix="Use `provisioner: Static` with the nodes of the provider's own node pool.",
    references=(controls.CIS_NAMESPACES,),
)
def find_misplaced_provisioners(factory: Factory) -> Iterator[Problem]:
    if factory.cluster.distribution in (Distribution.AKS, Distribution.GKE):
        for pool in factory.pools:
            if isinstance(pool, KarpenterPool):
                problem = f"makes nodes of AWS, and the cluster is {factory.cluster.distribution}"
                yield Problem(f"pools[{pool.name}].provisioner", problem, pool.provisioner, "Static, ClusterAPI")
