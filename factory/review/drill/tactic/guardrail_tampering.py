"""To loosen what refuses."""

from __future__ import annotations

from factory.plan import Body, names
from factory.plan.guardrail import GRANTS
from factory.plan.trust import trust_bundle
from factory.review.drill.attack import RBAC, Attack, Lacking, Tactic, Trial, delete, denied, held, patch
from factory.review.drill.ground import Ground

ADMISSION = "admissionregistration.k8s.io"
AUDIT_ONLY = {"spec": {"validationActions": ["Audit"]}}


def _granted(ground: Ground) -> Trial:
    change = {"data": {f"{ground.plain.name}.pool": "any", f"{ground.plain.name}.images": ""}}
    return ground.forbidden_patch(_grants(ground), change, ground.operator)


def _ungranted(ground: Ground, *, all_of_them: bool = False) -> Trial:
    grants = _grants(ground)
    by = ground.administrator if all_of_them else ground.operator
    return Trial(delete(by, grants, all_of_them=all_of_them), delete(ground.deployer, grants))


def _new_authority(ground: Ground) -> Trial:
    trust = {**_grants(ground), "metadata": {"name": "kube-root-ca.crt", "namespace": ground.home}}
    return Trial(patch(ground.operator, trust, {"data": {"ca.crt": "theirs"}}), held(ground.operator))


def _new_root(ground: Ground) -> Trial:
    if not trust_bundle(ground.factory):
        raise Lacking("keys.root.certificate is absent: segments have no trust bundle")
    bundle = ground.planned("ConfigMap", ground.home, names.BUNDLE)
    return ground.forbidden_patch(bundle, {"data": {"ca.crt": "theirs"}}, ground.operator)


def _grants(ground: Ground) -> Body:
    return ground.planned("ConfigMap", ground.home, GRANTS)


def _freed(ground: Ground) -> Trial:
    """What holds the deployer is not the deployer's to change."""
    name = f"{ground.factory.name}-zg14-deployer"
    binding = ground.planned("ValidatingAdmissionPolicyBinding", name=name)
    own = ground.planned("ValidatingAdmissionPolicyBinding", name=f"{ground.factory.name}-zg01-identity")
    return Trial(patch(ground.deployer, binding, AUDIT_ONLY), patch(ground.deployer, own, {"metadata": {"annotations": {"a": "b"}}}))


def _switched_off(ground: Ground) -> Trial:
    if not ground.factory.cluster.static_policies:
        raise Lacking("cluster.staticPolicies is off: only policies on the API server's disk can hold an administrator off the others")
    binding = ground.planned("ValidatingAdmissionPolicyBinding", name=f"{ground.factory.name}-zg01-identity")
    return Trial(
        patch(ground.administrator, binding, AUDIT_ONLY), patch(ground.deployer, binding, {"metadata": {"annotations": {"a": "b"}}})
    )


TACTIC = Tactic(
    "guardrail tampering",
    ("T1562.001",),
    (
        Attack("an operator grants a workload a pool and any image", "ZG07", _granted),
        Attack("an operator deletes the segment's grants", "ZG07", _ungranted),
        Attack("all ConfigMaps are deleted, the grants among them", "ZG07", lambda g: _ungranted(g, all_of_them=True)),
        Attack("an operator puts their own certificate authority before every pod", "ZG07", _new_authority),
        Attack("an operator has workloads trust another root", "ZG07", _new_root),
        Attack(
            "an operator deletes a guardrail's binding",
            RBAC,
            lambda g: denied(g.operator, "delete", f"validatingadmissionpolicybindings.{ADMISSION}"),
        ),
        Attack("an operator rewrites a guardrail", RBAC, lambda g: denied(g.operator, "patch", f"validatingadmissionpolicies.{ADMISSION}")),
        Attack(
            "an operator has pods changed by a policy",
            RBAC,
            lambda g: denied(g.operator, "create", f"mutatingadmissionpolicies.{ADMISSION}"),
        ),
        Attack(
            "an operator has requests sent to a webhook",
            RBAC,
            lambda g: denied(g.operator, "create", f"validatingwebhookconfigurations.{ADMISSION}"),
        ),
        Attack(
            "a delivery tool has pods changed by a webhook",
            RBAC,
            lambda g: denied(g.delivery, "create", f"mutatingwebhookconfigurations.{ADMISSION}"),
        ),
        Attack(
            "a workload rewrites a guardrail's binding",
            RBAC,
            lambda g: denied(g.workload_itself(g.plain), "update", f"validatingadmissionpolicybindings.{ADMISSION}"),
        ),
        Attack("the deployer frees itself of what holds it", RBAC, _freed),
        Attack("an administrator makes a guardrail warn only", "ZG15", _switched_off),
    ),
)
