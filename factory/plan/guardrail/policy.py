"""ZG15: the guardrails themselves, which only policies on the API server's disk can guard."""

from __future__ import annotations

from factory.plan import controls, names
from factory.spec import Factory

from .anchor import anchor_name
from .deployer import deployer
from .guardrail import Guardrail, Rule, Validation, text, texts

KINDS = (
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
)


def policy(factory: Factory) -> Guardrail:
    """Static only: Kubernetes keeps ordinary policies away from policy objects, so that nobody can lock themselves out (KEP-5793).

    The bootstrap's own are an administrator's to change. Of those, ZG14 is static too, and the anchor holds while the others stand.
    """
    bootstrap = (anchor_name(factory.name), deployer(factory).object_name(factory.name))
    return Guardrail(
        "ZG15",
        "policy",
        "Only the deployer changes the factory's guardrails, whoever else may change policies.",
        (controls.TENET_4, controls.TENET_6, controls.CIS_RBAC),
        rules=(Rule("admissionregistration.k8s.io", "*", KINDS, ("CREATE", "UPDATE", "DELETE"), scope="Cluster"),),
        conditions={
            "of-factory": "[object, oldObject].exists(o, o != null"
            f" && (dyn(o).metadata.?labels[?{text(names.FACTORY)}].orValue('') == {text(factory.name)}"
            f" || dyn(o).metadata.name.matches({text(f'^{factory.name}-zg[0-9]{{2}}-')}))"
            f" && !(dyn(o).metadata.name in {texts(bootstrap)}))"
        },
        validations=(
            Validation(
                f"request.userInfo.username == {text(factory.deployer.user)}",
                f"only the deployer, {factory.deployer.user}, changes guardrails of factory {factory.name}: change the spec and deploy it.",
            ),
        ),
        where="Everywhere",
    )
