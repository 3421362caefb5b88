"""To put a container of one's own into a running pod."""

from __future__ import annotations

from factory.review.drill.attack import RBAC, Attack, Tactic, Trial, denied, patch
from factory.review.drill.ground import TOUCH, Ground


def _added(ground: Ground) -> Trial:
    pod = ground.running()
    container = {
        "name": "drill",
        "image": pod["spec"]["containers"][0]["image"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    change = {"spec": {"ephemeralContainers": [container]}}
    return Trial(patch(ground.administrator, pod, change, "ephemeralcontainers"), patch(ground.administrator, pod, TOUCH))


TACTIC = Tactic(
    "ephemeral containers",
    ("T1609", "T1610"),
    (
        Attack("an administrator adds a container to a running pod", "ZG05", _added),
        Attack(
            "an operator without a session role adds a container to a running pod",
            RBAC,
            lambda g: denied(g.sessionless, "patch", "pods/ephemeralcontainers", g.sessionless.home),
        ),
        Attack(
            "a viewer adds a container to a running pod",
            RBAC,
            lambda g: denied(g.viewer, "patch", "pods/ephemeralcontainers", g.viewer.home),
        ),
        Attack(
            "a workload adds a container to a neighbour",
            RBAC,
            lambda g: denied(g.workload_itself(g.plain), "patch", "pods/ephemeralcontainers", g.home),
        ),
    ),
)
