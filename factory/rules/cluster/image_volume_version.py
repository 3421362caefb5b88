"""Image volumes on clusters without them."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT507",
    "Serving models needs Kubernetes 1.36",
    why="Weights are mounted as image volumes, which are generally available since 1.36 (KEP-4639) and behind a feature gate before.",
    fix="Use a newer cluster, or waive this where every node has the gate `ImageVolume`.",
    references=(controls.SUPPLY_CHAIN,),
)
def find_image_volume_versions(factory: Factory) -> Iterator[Problem]:
    servers = [workload.reference for workload in factory.workloads if workload.serves]
    if servers and factory.cluster.minor < 36:
        yield Problem(
            "cluster.version", f"has no image volumes, which {listed(servers, 3)} mount", factory.cluster.version, "1.36 or newer"
        )
