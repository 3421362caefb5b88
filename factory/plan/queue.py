"""Queues: Kueue decides whose job gets a pool's GPUs first, within what the spec shares out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Factory, Queue, Share

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, Manifest
from .pool import pool_node_selector, pool_taint

CONTROLS = (controls.TENET_3, controls.CIS_NAMESPACES)


def plan_flavors(factory: Factory) -> Iterator[Manifest]:
    """One ResourceFlavor for each pool that a queue shares. It names the pool's taint and adds no toleration: a job gets a pool's GPUs only
    when its pods already tolerate that taint, which admission grants to the pool's workloads alone."""
    for name in sorted({share.pool for queue in factory.queues for share in queue.shares}):
        pool = factory.pool[name]
        because = Because(f"pools[{name}]", "queues share its nodes", CONTROLS)
        flavor = body(
            "kueue.x-k8s.io/v1beta2",
            "ResourceFlavor",
            names.cluster_wide(factory.name, name),
            because,
            factory=factory.name,
            labels={names.POOL: name},
            spec={"nodeLabels": pool_node_selector(pool), "nodeTaints": [pool_taint(pool)]},
        )
        yield Manifest(Component("GpuPool", name), "flavor", flavor, because)


def plan_queue(factory: Factory, queue: Queue) -> Iterator[Manifest]:
    """A ClusterQueue that only its segments' namespaces may use, and the LocalQueue in each of them."""
    component = Component("Queue", queue.name)
    name = names.cluster_wide(factory.name, queue.name)
    namespaces = {segment: names.namespace(factory.name, segment) for segment in sorted(queue.segments)}
    because = Because(f"queues[{queue.name}]", "jobs wait here for their share of the GPUs", CONTROLS)
    cluster_queue = body(
        "kueue.x-k8s.io/v1beta2",
        "ClusterQueue",
        name,
        because,
        factory=factory.name,
        spec={
            "namespaceSelector": {
                "matchExpressions": [{"key": names.NAMESPACE_NAME, "operator": "In", "values": sorted(namespaces.values())}]
            },
            "queueingStrategy": "BestEffortFIFO",
            # A queue takes back what it lent; within a queue the more urgent stage goes first.
            "preemption": {
                "withinClusterQueue": "LowerPriority",
                "reclaimWithinCohort": "Any" if queue.cohort else "Never",
                "borrowWithinCohort": {"policy": "Never"},
            },
            "resourceGroups": [_resources(factory, queue)],
            **({"cohortName": names.cluster_wide(factory.name, queue.cohort)} if queue.cohort else {}),
        },
    )
    flavors = tuple(sorted(f"GpuPool {share.pool}/flavor" for share in queue.shares))
    yield Manifest(component, "clusterqueue", cluster_queue, because, after=flavors)

    for segment, namespace in namespaces.items():
        because = Because(f"queues[{queue.name}].segments[{segment}]", "the segment's jobs enter here", CONTROLS)
        local = body(
            "kueue.x-k8s.io/v1beta2",
            "LocalQueue",
            queue.name,
            because,
            factory=factory.name,
            namespace=namespace,
            spec={"clusterQueue": name},
        )
        after = (f"Segment {segment}/namespace", f"{component}/clusterqueue")
        yield Manifest(component, f"localqueue-{segment}", local, because, after=after)


def describe_queue(queue: Queue) -> dict[str, Any]:
    """What its preview row shows: who waits in it, for how much of which pool."""
    intent: dict[str, Any] = {
        "segments": sorted(queue.segments),
        "shares": {
            share.pool: share.model_dump(mode="json", exclude={"pool"}, exclude_defaults=True)
            for share in sorted(queue.shares, key=lambda share: share.pool)
        },
    }
    if queue.cohort:
        intent["cohort"] = queue.cohort
    return intent


def _resources(factory: Factory, queue: Queue) -> Body:
    """One group for all pools: Kueue wants every flavor of a group to list the same resources, so a pool offers none of another's GPUs."""
    shares = sorted(queue.shares, key=lambda share: share.pool)
    devices = sorted({factory.pool[share.pool].gpu.resource for share in shares})
    return {
        "coveredResources": ["cpu", "memory", *devices],
        "flavors": [
            {
                "name": names.cluster_wide(factory.name, share.pool),
                "resources": [
                    _quota(queue, share, resource, factory.pool[share.pool].gpu.resource) for resource in ("cpu", "memory", *devices)
                ],
            }
            for share in shares
        ],
    }


def _quota(queue: Queue, share: Share, resource: str, device: str) -> Body:
    """Borrowed GPUs are counted; the CPU and memory that go with them are not."""
    quota: Body = {"name": resource, "nominalQuota": {"cpu": share.cpu, "memory": share.memory, device: str(share.gpu)}.get(resource, "0")}
    follows = resource in ("cpu", "memory") and share.borrows
    if queue.cohort and not follows:
        quota["borrowingLimit"] = str(share.borrows) if resource == device else "0"
    return quota
