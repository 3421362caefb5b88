"""To use more than the segment may, or to leave it nothing."""

from __future__ import annotations

from typing import Any

from factory.review.drill.attack import LIMITS, QUOTA, RBAC, Attack, Lacking, Tactic, Trial, create, delete, denied, patch, thing
from factory.review.drill.ground import NAME, Ground
from factory.spec import DeviceApi, Segment


def _asks(ground: Ground, workload: Any, **resources: str) -> Trial:
    asked = {**ground.container(workload).get("resources", {}).get("limits", {}), **resources}
    amounts = {"limits": asked, "requests": asked}
    return ground.pod("Pod", workload, containers=[ground.container(workload, resources=amounts)])


def _too_much(ground: Ground, resource: str, amount: str) -> Trial:
    def has(segment: Segment) -> bool:
        quota, limits = segment.quota, segment.limits
        return quota is not None and getattr(quota, resource) is not None and getattr(limits, f"max_{resource}") is None

    workload, _ = ground.segment_with(f"a quota of {resource} and no smaller limit for each container", has)
    return _asks(ground, workload, **{resource: amount})


def _too_much_for_one(ground: Ground) -> Trial:
    workload, _ = ground.segment_with("a limit of CPU for each container", lambda segment: segment.limits.max_cpu is not None)
    return _asks(ground, workload, cpu="99999")


def _gpus(ground: Ground) -> Trial:
    for workload in ground.workloads:
        segment = ground.factory.segment[workload.segment]
        pool = ground.factory.pool.get(workload.pool or "")
        if pool and pool.gpu.api is DeviceApi.DEVICE_PLUGIN and segment.quota and segment.quota.gpu is not None:
            return _asks(ground, workload, **{pool.gpu.resource: str(segment.quota.gpu + 1)})
    raise Lacking("no workload with a pool is in a segment with a quota of GPUs")


def _raised(ground: Ground) -> Trial:
    return ground.forbidden_patch(ground.planned("ResourceQuota"), {"spec": {"hard": {"pods": "100000"}}})


def _unlimited(ground: Ground) -> Trial:
    limits = ground.planned("LimitRange", ground.home)
    return Trial(delete(ground.administrator, limits), delete(ground.deployer, limits))


def _unbounded(ground: Ground) -> Trial:
    quota = ground.planned("ResourceQuota")
    return Trial(delete(ground.administrator, quota), delete(ground.deployer, quota))


def _strangled(ground: Ground) -> Trial:
    return ground.elsewhere(thing("v1/ResourceQuota", NAME, ground.home, spec={"hard": {"pods": "0"}}))


def _by_operator(ground: Ground) -> Trial:
    quota = ground.planned("ResourceQuota")
    segment = quota["metadata"]["namespace"].removeprefix(f"{ground.factory.name}-")
    change = {"spec": {"hard": {"pods": "100000"}}}
    return Trial(
        patch(ground.operator_of(segment), quota, change), patch(ground.deployer, quota, {"metadata": {"annotations": {"a": "b"}}})
    )


def _queue(ground: Ground) -> Trial:
    queue = ground.planned("LocalQueue")
    other = {**queue, "metadata": {"name": NAME, "namespace": queue["metadata"]["namespace"]}, "spec": {"clusterQueue": "any"}}
    return Trial(create(ground.administrator, other), create(ground.deployer, other))


TACTIC = Tactic(
    "quota abuse",
    ("T1496", "T1499"),
    (
        Attack("a pod asks for more CPU than its segment may use", QUOTA, lambda g: _too_much(g, "cpu", "99999")),
        Attack("a pod asks for more memory than its segment may use", QUOTA, lambda g: _too_much(g, "memory", "900Ti")),
        Attack("a pod asks for more GPUs than its segment may use", QUOTA, _gpus, ("AML.T0034",)),
        Attack("a container asks for more CPU than one may", LIMITS, _too_much_for_one),
        Attack("a segment's quota is raised", "ZG07", _raised),
        Attack("a segment's quota is deleted", "ZG07", _unbounded),
        Attack("a segment's limits for containers are deleted", "ZG07", _unlimited),
        Attack("a quota of their own stops the segment", "ZG07", _strangled, ("AML.T0029",)),
        Attack("a queue of their own borrows GPUs", "ZG07", _queue),
        Attack("an operator raises the quota", RBAC, _by_operator),
        Attack(
            "a workload deletes its neighbours' pods",
            RBAC,
            lambda g: denied(g.workload_itself(g.plain), "delete", "pods", g.home),
            ("AML.T0029",),
        ),
    ),
)
