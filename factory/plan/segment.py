"""A segment: its namespace, what it may use, and its workloads' identities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Factory, Segment, Workload

from . import controls, names
from .body import body
from .manifest import Because, Component, Manifest
from .pool import pool_quota

POD_SECURITY = "restricted"
"""The strictest Pod Security Standard (KEP-2579)."""


CONTROLS = (controls.TENET_3, controls.PODS, controls.CIS_PODS, controls.CIS_NAMESPACES)


def plan_segment(factory: Factory, segment: Segment, after: tuple[str, ...] = ()) -> Iterator[Manifest]:
    """Its namespace, quota and container limits. `after` names the manifests that stand before the namespace does: the guardrails."""
    component = Component("Segment", segment.name)
    path = f"segments[{segment.name}]"
    namespace = names.namespace(factory.name, segment.name)

    because = Because(
        path, f"{segment.stage.value} by {segment.owner}", (controls.TENET_3, controls.PODS, controls.CIS_PODS, controls.CIS_NAMESPACES)
    )
    pod_security = {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", POD_SECURITY), ("-version", f"v{factory.cluster.version}"))
    }
    labels = {**segment.labels, names.SEGMENT: segment.name, names.STAGE: segment.stage.value, names.OWNER: segment.owner, **pod_security}
    yield Manifest(component, "namespace", body("v1", "Namespace", namespace, because, factory=factory.name, labels=labels), because, after)

    if hard := _hard(factory, segment):
        because = Because(f"{path}.quota", "the most that the segment may use", (controls.CIS_NAMESPACES, controls.TENET_5))
        yield Manifest(
            component,
            "quota",
            body("v1", "ResourceQuota", "quota", because, factory=factory.name, namespace=namespace, spec={"hard": hard}),
            because,
        )

    because = Because(f"{path}.limits", "what a container gets when it does not say", (controls.CIS_NAMESPACES,))
    yield Manifest(
        component,
        "limits",
        body(
            "v1", "LimitRange", "limits", because, factory=factory.name, namespace=namespace, spec={"limits": [_container_limits(segment)]}
        ),
        because,
    )


def plan_workload(factory: Factory, workload: Workload) -> Iterator[Manifest]:
    """Its ServiceAccount: an identity without a standing token (CIS 5.1.6), since a workload that needs one asks for a projected one."""
    because = Because(f"workloads[{workload.reference}]", "identity of the workload", (controls.TENET_6, controls.CIS_RBAC))
    namespace = names.namespace(factory.name, workload.segment)
    account = body(
        "v1",
        "ServiceAccount",
        workload.name,
        because,
        factory=factory.name,
        namespace=namespace,
        labels={names.WORKLOAD: workload.name},
        automountServiceAccountToken=False,
    )
    yield Manifest(Component("Segment", workload.segment), f"workload-{workload.name}", account, because)


def describe_segment(factory: Factory, segment: Segment) -> dict[str, Any]:
    """What its preview row shows: stage, owner, what it may use, who lives in it."""
    intent: dict[str, Any] = {
        "namespace": names.namespace(factory.name, segment.name),
        "stage": segment.stage.value,
        "owner": segment.owner,
        "limits": segment.limits.model_dump(mode="json", exclude_none=True),
    }
    if segment.quota:
        intent["quota"] = segment.quota.model_dump(mode="json", exclude_none=True)
    if segment.labels:
        intent["labels"] = dict(segment.labels)
    return intent


def describe_workload(workload: Workload) -> dict[str, Any]:
    """What the segment's row shows of one workload: its grants, sorted, empty ones left out."""
    grants: dict[str, Any] = {
        "listens": {
            listener.name: f"{listener.port}/{listener.protocol.value}"
            for listener in sorted(workload.listens, key=lambda listener: listener.name)
        },
        "pool": workload.pool,
        "images": sorted(workload.images),
        "reads": sorted(workload.reads),
        "writes": sorted(workload.writes),
        "produces": sorted(workload.produces),
        "serves": sorted(workload.serves),
        "egress": {egress.reference: egress.because for egress in sorted(workload.egress, key=lambda egress: egress.reference)},
    }
    return {key: value for key, value in grants.items() if value}


def _hard(factory: Factory, segment: Segment) -> dict[str, str]:
    quota = segment.quota
    if quota is None:
        return {}
    hard: dict[str, str] = {}
    for resource, amount in (("cpu", quota.cpu), ("memory", quota.memory)):
        if amount is not None:
            hard |= {f"requests.{resource}": amount, f"limits.{resource}": amount}
    if quota.gpu is not None:
        granted = {pool_quota(factory.name, pool) for pool in factory.pools if segment.name in pool.segments}
        hard |= {key: str(quota.gpu) for key in sorted(granted or {"requests.nvidia.com/gpu"})}
    if quota.pods is not None:
        hard["pods"] = str(quota.pods)
    if quota.storage is not None:
        hard["requests.storage"] = quota.storage
    return hard


def _container_limits(segment: Segment) -> dict[str, Any]:
    limits = segment.limits
    default = {"cpu": limits.default_cpu, "memory": limits.default_memory}
    most = {resource: amount for resource, amount in (("cpu", limits.max_cpu), ("memory", limits.max_memory)) if amount is not None}
    return {"type": "Container", "default": default, "defaultRequest": dict(default)} | ({"max": most} if most else {})
