"""To enter a running pod."""

from __future__ import annotations

from factory.review.drill.attack import RBAC, Attack, Tactic, Trial, connect, denied, review
from factory.review.drill.ground import ELSEWHERE, Ground


def _opened(ground: Ground, subresource: str, kind: str = "pods", **query: str) -> Trial:
    by = ground.administrator
    return Trial(*(connect(by, namespace, subresource, kind, **query) for namespace in (ground.home, ELSEWHERE)))


def _elsewhere(ground: Ground) -> Trial:
    who, elsewhere = ground.session_holder
    return Trial(*(review(who, "create", "pods/exec", namespace) for namespace in (elsewhere, who.home)))


TACTIC = Tactic(
    "exec",
    ("T1609",),
    (
        Attack("an administrator runs a command in a pod", "ZG05", lambda g: _opened(g, "exec", command="id")),
        Attack("an administrator attaches to a pod", "ZG05", lambda g: _opened(g, "attach")),
        Attack(
            "an administrator forwards a port of a pod",
            "ZG05",
            lambda g: _opened(g, "portforward", ports="8080"),
        ),
        Attack("an administrator calls a pod by the API server", "ZG05", lambda g: _opened(g, "proxy")),
        Attack(
            "an administrator calls a service by the API server",
            "ZG05",
            lambda g: _opened(g, "proxy", kind="services"),
        ),
        Attack(
            "an operator without a session role runs a command in a pod",
            RBAC,
            lambda g: denied(g.sessionless, "create", "pods/exec", g.sessionless.home),
        ),
        Attack(
            "an operator without a session role forwards a port",
            RBAC,
            lambda g: denied(g.sessionless, "create", "pods/portforward", g.sessionless.home),
        ),
        Attack("a viewer runs a command in a pod", RBAC, lambda g: denied(g.viewer, "create", "pods/exec", g.viewer.home)),
        Attack("a delivery tool runs a command in a pod", RBAC, lambda g: denied(g.delivery, "create", "pods/exec", g.delivery.home)),
        Attack(
            "a workload runs a command in a neighbour", RBAC, lambda g: denied(g.workload_itself(g.plain), "create", "pods/exec", g.home)
        ),
        Attack("the deployer runs a command in a pod", RBAC, lambda g: denied(g.deployer, "create", "pods/exec", g.home)),
        Attack("somebody without a role runs a command in a pod", RBAC, lambda g: denied(g.stranger, "create", "pods/exec", g.home)),
        Attack(
            "somebody whose role opens sessions uses it in another segment",
            RBAC,
            _elsewhere,
        ),
    ),
)
