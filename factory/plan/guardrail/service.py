"""ZG13: what serves the outside is a flow, not a node port."""

from __future__ import annotations

from factory.plan import controls
from factory.spec import Factory

from .guardrail import Guardrail, Rule, Validation


def service(factory: Factory) -> Guardrail:
    """Node ports and load balancers bring in traffic whose source NetworkPolicy may not know; external names and addresses send a cluster
    name somewhere else (CVE-2020-8554)."""
    return Guardrail(
        "ZG13",
        "service",
        "A Service in a segment is reachable inside the cluster only, and points to pods.",
        (controls.TENET_2, controls.NETWORK, controls.CIS_NETWORK),
        rules=(Rule("", "v1", ("services",)),),
        validations=(
            Validation(
                "object.spec.?type.orValue('ClusterIP') == 'ClusterIP'",
                "type must be ClusterIP: traffic from outside comes through a peer with a flow.",
            ),
            Validation("object.spec.?externalIPs.orValue([]).size() == 0", "externalIPs must be empty."),
        ),
    )
