"""Machines that do not fit their API server."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import ClusterApiPool, Factory


@rule(
    "ZT312",
    "Machines run a Kubernetes version that the cluster supports",
    why="A kubelet newer than its API server, or more than three minor versions older, is not supported (Kubernetes version skew policy).",
    fix="Set `machineVersion` to the cluster's minor version.",
    references=(controls.TENET_5,),
)
def find_kubelet_skew(factory: Factory) -> Iterator[Problem]:
    minor = factory.cluster.minor
    for pool in factory.pools:
        if isinstance(pool, ClusterApiPool) and not minor - 3 <= int(pool.machine_version.split(".")[1]) <= minor:
            path, allowed = f"pools[{pool.name}].machineVersion", f"v1.{minor - 3} to v1.{minor}"
            yield Problem(path, f"does not fit Kubernetes {factory.cluster.version}", pool.machine_version, allowed)
