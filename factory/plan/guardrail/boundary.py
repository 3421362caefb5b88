"""ZG07: only the deployer changes what holds a segment together."""

from __future__ import annotations

from factory.plan import controls, names
from factory.plan.registry import READ, WRITE, find_registry
from factory.plan.vault import CONFIGURATION, POLICY, claims, find_openbao
from factory.spec import Factory, NetworkEngine

from .guardrail import GRANTS, Guardrail, Rule, Validation, text, texts

ALL = ("CREATE", "UPDATE", "DELETE")
COLLECTORS = ("system:serviceaccount:kube-system:namespace-controller", "system:serviceaccount:kube-system:generic-garbage-collector")
"""Delete what lived in a deleted namespace, or belonged to a deleted owner; they create nothing."""

MANAGER = "system:kube-controller-manager"
"""All controllers in one, where `--use-service-account-credentials` is off."""

TRUST = "kube-root-ca.crt"
"""Name of the ConfigMap by which every pod knows the API server (KEP-1205)."""

WRITERS = {
    "configmaps": ("system:serviceaccount:kube-system:root-ca-cert-publisher",),
    "serviceaccounts": ("system:serviceaccount:kube-system:service-account-controller",),
    "persistentvolumeclaims": (
        "system:kube-scheduler",
        "system:serviceaccount:kube-system:expand-controller",
        "system:serviceaccount:kube-system:persistent-volume-binder",
        "system:serviceaccount:kube-system:pvc-protection-controller",
    ),
    "resourceclaims": ("system:kube-scheduler", "system:serviceaccount:kube-system:resource-claim-controller"),
}
"""Parts of Kubernetes that write such objects by themselves."""


def boundary(factory: Factory) -> Guardrail:
    """Who may write is told by the resource: the deployer everything, Kubernetes' own controllers what is theirs, everybody else nothing.

    ConfigMaps are recognised by the object's name and not by `resourceNames`, which a request to delete a collection has none of.
    """
    deployer = f"request.userInfo.username == {text(factory.deployer.user)}"
    own = (*((WRITE, READ) if find_registry(factory) else ()), *((CONFIGURATION, POLICY) if find_openbao(factory) else ()))
    known = (GRANTS, TRUST, *((names.BUNDLE,) if factory.keys else ()), *own)
    claimed = " || variables.claimed" if find_openbao(factory) else ""
    writers = ", ".join(f"{text(resource)}: {texts(users)}" for resource, users in WRITERS.items())
    return Guardrail(
        "ZG07",
        "boundary",
        "Only the deployer changes the policies, access, quotas, identities and grants of a segment.",
        (controls.TENET_4, controls.TENET_6, controls.CIS_RBAC, controls.CIS_NETWORK),
        rules=boundary_rules(factory),
        conditions={
            "known-configmaps-only": "request.resource.resource != 'configmaps'"
            f" || [object, oldObject].exists(o, o != null && dyn(o).metadata.name in {texts(known)})",
            # Who holds a role for a while is ZG17's business. That one reads grants, which are gone before the last bindings of a
            # namespace that is being deleted, so it may not look at deletions: this one does.
            "no-grants": "request.resource.resource != 'rolebindings' || request.operation == 'DELETE'"
            f" || [object, oldObject].exists(o, o != null && !({text(names.GRANT)} in dyn(o).metadata.?labels.orValue({{}})))",
            # A volume claim's labels, annotations and finalizers are how storage drivers work; what it claims is its spec.
            "claims-only": "request.resource.resource != 'persistentvolumeclaims' || request.operation != 'UPDATE'"
            " || dyn(object).spec != dyn(oldObject).spec",
        },
        variables={
            "writers": f"{{{writers}}}[?request.resource.resource].orValue([])",
            **_claimed(factory),
            "controller": f"request.userInfo.username in variables.writers + (request.operation == 'CREATE' ? [] : {texts(COLLECTORS)})",
            "revoked": "request.operation == 'DELETE' && request.resource.resource == 'rolebindings'"
            f" && {text(names.GRANT)} in dyn(oldObject).metadata.?labels.orValue({{}})",
            "manager": f"request.userInfo.username == '{MANAGER}' && (request.operation != 'CREATE' || variables.writers.size() > 0)",
        },
        validations=(
            Validation(
                f"variables.revoked || {deployer} || variables.controller || variables.manager{claimed}",
                f"only the deployer, {factory.deployer.user}, changes this: change the spec and deploy it.",
            ),
            Validation(
                f"!variables.revoked || {deployer} || variables.controller || variables.manager"
                " || (request.options.?propagationPolicy.orValue('Background') == 'Background'"
                " && !request.options.?orphanDependents.orValue(false))",
                "a grant is deleted at once: do not wait for dependents, and do not orphan them.",
            ),
        ),
    )


def _claimed(factory: Factory) -> dict[str, str]:
    """CEL: the StatefulSet controller makes the volume claims of OpenBao's members, by name."""
    vault = find_openbao(factory)
    if vault is None:
        return {}
    namespace = names.namespace(factory.name, vault.segment)
    return {
        "claimed": "request.operation == 'CREATE' && request.resource.resource == 'persistentvolumeclaims'"
        " && request.userInfo.username == 'system:serviceaccount:kube-system:statefulset-controller'"
        f" && request.namespace == {text(namespace)} && dyn(object).metadata.name in {texts(claims(vault))}"
    }


def boundary_rules(factory: Factory) -> tuple[Rule, ...]:
    """The kinds that hold a segment together, those of other projects only where the factory uses them."""
    rules = [
        Rule("", "v1", ("configmaps", "limitranges", "persistentvolumeclaims", "resourcequotas", "serviceaccounts"), ALL),
        Rule("networking.k8s.io", "v1", ("networkpolicies",), ALL),
        Rule("rbac.authorization.k8s.io", "v1", ("rolebindings", "roles"), ALL),
        Rule("resource.k8s.io", "v1", ("resourceclaims", "resourceclaimtemplates"), ALL),
    ]
    if factory.cluster.network_policy is NetworkEngine.CILIUM:
        rules.append(Rule("cilium.io", "v2", ("ciliumnetworkpolicies",), ALL))
    if factory.queues:
        rules.append(Rule("kueue.x-k8s.io", "v1beta2", ("localqueues",), ALL))
    return tuple(rules)
