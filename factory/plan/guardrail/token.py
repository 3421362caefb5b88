"""ZG09: identities of workloads are handed out by kubelets, to pods, for a while."""

from __future__ import annotations

from factory.plan import controls
from factory.spec import Factory

from .guardrail import Guardrail, Rule, Validation


def token(factory: Factory) -> Guardrail:
    """The API server lets a kubelet ask only for the tokens of pods that run on its node (NodeRestriction)."""
    return Guardrail(
        "ZG09",
        "token",
        "Nobody but a kubelet gets a token of a segment's ServiceAccount, and none lasts for ever.",
        (controls.TENET_3, controls.TENET_6, controls.CIS_RBAC, controls.CIS_SECRETS),
        rules=(Rule("", "v1", ("secrets", "serviceaccounts/token")),),
        validations=(
            Validation(
                "request.resource.resource != 'secrets' || dyn(object).?type.orValue('') != 'kubernetes.io/service-account-token'",
                "a Secret must not hold a ServiceAccount token: project one into the pod.",
            ),
            Validation(
                "request.resource.resource != 'serviceaccounts' || 'system:nodes' in request.userInfo.?groups.orValue([])",
                "only kubelets request tokens of a segment's ServiceAccounts: project one into the pod.",
            ),
        ),
    )
