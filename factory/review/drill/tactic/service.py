"""To be reached from outside, or to send others outside, without a flow."""

from __future__ import annotations

from typing import Any

from factory.plan import Body
from factory.review.drill.attack import RBAC, Attack, Tactic, Trial, create, denied, thing
from factory.review.drill.ground import NAME, Ground


def _service(ground: Ground, **spec: Any) -> Trial:
    def service(**spec: Any) -> Body:
        return thing("v1/Service", NAME, ground.home, spec={"ports": [{"port": 80}], **spec})

    return Trial(create(ground.operator, service(**spec)), create(ground.operator, service()))


TACTIC = Tactic(
    "services",
    ("T1133",),
    (
        Attack("an operator opens a port on every node", "ZG13", lambda g: _service(g, type="NodePort")),
        Attack("an operator asks for a load balancer", "ZG13", lambda g: _service(g, type="LoadBalancer")),
        Attack(
            "an operator gives a name outside a name inside", "ZG13", lambda g: _service(g, type="ExternalName", externalName="example.org")
        ),
        Attack("an operator catches an address outside", "ZG13", lambda g: _service(g, externalIPs=["203.0.113.1"])),
        Attack("an operator publishes by an Ingress", RBAC, lambda g: denied(g.operator, "create", "ingresses.networking.k8s.io", g.home)),
        Attack(
            "an operator publishes by a Gateway route",
            RBAC,
            lambda g: denied(g.operator, "create", "httproutes.gateway.networking.k8s.io", g.home),
        ),
        Attack(
            "an operator points a service at somebody else's address",
            RBAC,
            lambda g: denied(g.operator, "create", "endpointslices.discovery.k8s.io", g.home),
        ),
    ),
)
