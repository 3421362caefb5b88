"""ZG12: only the scheduler puts pods on nodes."""

from __future__ import annotations

from factory.plan import controls
from factory.spec import Factory

from .guardrail import Guardrail, Rule, Validation


def placement(factory: Factory) -> Guardrail:
    """A binding puts a pod on a node whatever its taints say."""
    return Guardrail(
        "ZG12",
        "placement",
        "Only the scheduler places pods on nodes.",
        (controls.TENET_3, controls.CIS_NAMESPACES),
        rules=(Rule("", "v1", ("bindings", "pods/binding"), ("CREATE",)),),
        validations=(
            Validation("request.userInfo.username == 'system:kube-scheduler'", "only the scheduler binds pods to nodes; use nodeSelector."),
        ),
    )
