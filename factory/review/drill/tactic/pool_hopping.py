"""To get GPUs, and the nodes that carry them, of a pool that one is not granted."""

from __future__ import annotations

from factory.plan import names
from factory.plan.pool import pool_node_selector, pool_toleration
from factory.review.drill.attack import RBAC, Attack, Tactic, Trial, create, denied, place, thing
from factory.review.drill.ground import ELSEWHERE, NAME, Ground

DEVICE = {"limits": {"example.org/device": "1"}}


def _tolerated(ground: Ground) -> Trial:
    workload, pool = ground.unpooled
    return ground.pod("Deployment", workload, tolerations=ground.tolerations(workload, pool_toleration(pool)))


def _everything(ground: Ground) -> Trial:
    return ground.pod("DaemonSet", ground.plain, tolerations=ground.tolerations(ground.plain, {"operator": "Exists"}))


def _any_pool(ground: Ground) -> Trial:
    any_pool = {"key": names.POOL, "operator": "Exists"}
    return ground.pod("Job", ground.plain, tolerations=ground.tolerations(ground.plain, any_pool))


def _hopped(ground: Ground) -> Trial:
    workload, pool = ground.hopper
    selector = dict.fromkeys(pool_node_selector(ground.factory.pool[workload.pool or ""])) | pool_node_selector(pool)
    return ground.pod("Job", workload, nodeSelector=selector, tolerations=[pool_toleration(pool)])


def _device(ground: Ground) -> Trial:
    return ground.pod("Pod", ground.plain, containers=[ground.container(ground.plain, resources=DEVICE)])


def _device_first(ground: Ground) -> Trial:
    return ground.pod("Job", ground.plain, initContainers=[ground.container(ground.plain, name="first", resources=DEVICE)])


def _gpu(ground: Ground) -> Trial:
    workload, pool = ground.unpooled
    gpu = {"limits": {pool.gpu.resource: "1"}}
    return ground.pod("StatefulSet", workload, containers=[ground.container(workload, resources=gpu)])


def _claim(name: str) -> dict[str, str]:
    return {"name": "gpu", name: "found"}


def _own_claim(ground: Ground) -> Trial:
    return ground.elsewhere(thing("resource.k8s.io/v1/ResourceClaim", NAME, ground.home, spec={"devices": {}}))


def _elsewhere(ground: Ground, by: str = "toleration") -> Trial:
    """A pod of another namespace; its twin asks for nothing that is the factory's."""
    pool = ground.one(ground.factory.pools, "the stack has no pool")
    spec = {"containers": [{"name": "main", "image": "example.org/x"}]}
    more = (
        {"tolerations": [pool_toleration(pool) if by == "toleration" else {"operator": "Exists"}]}
        if by != "name"
        else {"nodeName": "no-node"}
    )
    return Trial(*(create(ground.administrator, thing("v1/Pod", NAME, ELSEWHERE, spec=wanted)) for wanted in ({**spec, **more}, spec)))


TACTIC = Tactic(
    "pool hopping",
    ("T1496", "T1610"),
    (
        Attack("a workload without a pool tolerates a pool's taint", "ZG02", _tolerated),
        Attack("a Job tolerates all pools", "ZG02", _any_pool),
        Attack("a DaemonSet tolerates every taint", "ZG02", _everything),
        Attack("a workload goes to another pool than its own", "ZG02", _hopped),
        Attack("a workload takes its GPU from any node", "ZG02", lambda g: g.pod("Job", g.pooled, nodeSelector=None)),
        Attack("a workload without a pool asks for a pool's GPU", "ZG02", _gpu),
        Attack("a pod asks for a device that no pool has", "ZG02", _device),
        Attack("an init container asks for a device", "ZG02", _device_first),
        Attack(
            "a Job takes a claim of a device that it found",
            "ZG02",
            lambda g: g.pod("Job", g.plain, resourceClaims=[_claim("resourceClaimName")]),
        ),
        Attack(
            "a Job makes a claim from another pool's template",
            "ZG02",
            lambda g: g.pod("Job", g.plain, resourceClaims=[_claim("resourceClaimTemplateName")]),
        ),
        Attack("a pod names its node", "ZG02", lambda g: g.pod("Pod", g.plain, nodeName="no-node")),
        Attack("a CronJob brings its own scheduler", "ZG02", lambda g: g.pod("CronJob", g.plain, schedulerName="mine")),
        Attack(
            "a pod is bound to a node by hand", "ZG12", lambda g: Trial(place(g.administrator, g.home), place(g.administrator, ELSEWHERE))
        ),
        Attack("a pod of another namespace tolerates a pool's taint", "ZG18", _elsewhere),
        Attack("a pod of another namespace tolerates every taint", "ZG18", lambda g: _elsewhere(g, "everything")),
        Attack("a pod of another namespace names its node", "ZG18", lambda g: _elsewhere(g, "name")),
        Attack("a device is claimed for everybody in the segment", "ZG07", _own_claim),
        Attack(
            "an operator takes the taint off a node",
            RBAC,
            lambda g: denied(g.operator, "patch", "nodes"),
        ),
        Attack("a workload takes the taint off a node", RBAC, lambda g: denied(g.workload_itself(g.pooled), "patch", "nodes")),
    ),
)
