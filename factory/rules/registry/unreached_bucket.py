"""Doors that cannot reach their bucket."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.registry import READ, WRITE, find_registry
from factory.rules.rule import Problem, rule
from factory.spec import Factory

HTTPS = 443


@rule(
    "ZT746",
    "Both doors reach the bucket that they store in",
    why="Their segment lets nothing out that the spec does not name. Each needs the bucket, and the STS that gives it its role.",
    fix="Add an `egress` on port 443 to the workloads `registry-write` and `registry-read`: best to the VPC endpoints of S3 and STS.",
    references=(controls.TENET_2, controls.NETWORK),
    waivable=False,
)
def find_unreached_buckets(factory: Factory) -> Iterator[Problem]:
    registry = find_registry(factory)
    if registry is None or registry.s3 is None:
        return
    for door in (WRITE, READ):
        workload = factory.workload[f"{registry.segment}/{door}"]
        if not any(egress.port == HTTPS for egress in workload.egress):
            yield Problem(f"workloads[{workload.reference}]", f"has no egress on port {HTTPS}, where bucket {registry.s3.bucket} is")
