"""To leave the pod for its node."""

from __future__ import annotations

from typing import Any

from factory.review.drill.attack import POD_SECURITY, RBAC, Attack, Tactic, Trial, denied
from factory.review.drill.ground import Ground

HOST = {"name": "wanted", "hostPath": {"path": "/var/lib/kubelet"}}


def _port(ground: Ground, **port: Any) -> Trial:
    return ground.pod("Pod", ground.plain, containers=[ground.container(ground.plain, ports=[port])])


TACTIC = Tactic(
    "escape",
    ("T1611",),
    (
        Attack("a pod mounts the node's files", f"{POD_SECURITY}|ZG03", lambda g: g.pod("Pod", g.plain, volumes=[HOST])),
        Attack("a pod uses the node's network", POD_SECURITY, lambda g: g.pod("Pod", g.plain, hostNetwork=True)),
        Attack("a pod sees the node's processes", POD_SECURITY, lambda g: g.pod("Pod", g.plain, hostPID=True)),
        Attack("a pod shares memory with the node", POD_SECURITY, lambda g: g.pod("Pod", g.plain, hostIPC=True)),
        Attack("a pod opens a port of the node", POD_SECURITY, lambda g: _port(g, containerPort=8080, hostPort=8080)),
        Attack("an operator goes round admission by the kubelet", RBAC, lambda g: denied(g.operator, "create", "nodes/proxy")),
        Attack("an operator reads what kubelets run", RBAC, lambda g: denied(g.operator, "get", "nodes/proxy"), ("T1613",)),
        Attack("an operator makes a node", RBAC, lambda g: denied(g.operator, "create", "nodes")),
        Attack(
            "a workload goes round admission by the kubelet",
            RBAC,
            lambda g: denied(g.workload_itself(g.plain), "create", "nodes/proxy"),
        ),
    ),
)
