"""What a difference means for trust, and how much that weighs."""

from __future__ import annotations

from typing import NamedTuple

from factory.errors import Severity
from factory.plan import names

from .compare import ABSENT, Difference
from .default import pattern

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


class Meaning(NamedTuple):
    """A difference in words."""

    kinds: tuple[str, ...]
    """Kinds that it is about; none for all."""
    field: str
    """How the field's path begins."""
    words: str
    severity: Severity = _ERROR
    added: str | None = None
    """Words for something that was added. Default: `words`."""
    narrows: tuple[str, ...] = ()
    """Patterns of what takes trust away when it is removed: then a warning."""


_POLICIES = ("NetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "ClusterNetworkPolicy")
_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_GUARDRAILS = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy", "ImageValidatingPolicy")
_IN_FORCE = ("ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding")

MEANINGS = (
    Meaning((), "metadata.deletionTimestamp", "is being deleted: it goes as soon as its finalizers do"),
    Meaning((), "metadata.finalizers", "cannot be deleted until somebody takes the finalizer away", _WARNING),
    Meaning((), "metadata.ownerReferences", "is deleted together with an owner that the plan does not know"),
    Meaning((), "metadata.annotations", "an annotation, which decides nothing but may mislead people", _WARNING),
    Meaning(("Namespace",), "metadata.labels.pod-security", "Pod Security does not hold here as planned (KEP-2579)"),
    Meaning(("Namespace",), "metadata.labels", "labels decide which policies, webhooks and guardrails hold for the segment"),
    Meaning(("Node",), "metadata.labels", "labels decide which pods run on the node"),
    Meaning(("Node",), "spec.taints", "the taints keep other pods off the pool's GPUs", added="keeps the pool's own pods away"),
    Meaning((), f"metadata.labels.{names.DOMAIN}", "guardrails and selectors know the object by this label"),
    Meaning((), "metadata.labels", "a label that somebody's selector may look for", _WARNING),
    Meaning(_POLICIES, "spec.policyTypes", "changes in which direction pods are isolated"),
    Meaning(_POLICIES, "spec.podSelector", "changes which pods are isolated"),
    Meaning(_POLICIES, "spec.endpointSelector", "changes which pods are isolated"),
    Meaning(_POLICIES, "spec.subject", "changes for which pods it holds"),
    Meaning(
        ("NetworkPolicy", "CiliumNetworkPolicy"),
        "spec",
        "changes who may talk",
        added="widens who may talk",
        narrows=("spec.ingress[]", "spec.egress[]"),
    ),
    Meaning(_POLICIES, "spec", "changes who may talk in the whole cluster"),
    Meaning(
        _ROLES,
        "rules",
        "changes what the role may do",
        added="the role may do more",
        narrows=tuple(f"rules[]{part}" for part in ("", ".apiGroups[]", ".resources[]", ".verbs[]")),
    ),
    Meaning(_ROLES, "aggregationRule", "the role also gets the rules of others"),
    Meaning(_BINDINGS, "subjects", "changes who holds the role", added="somebody else holds the role", narrows=("subjects[]",)),
    Meaning(_BINDINGS, "roleRef", "its holders have another role"),
    Meaning(("ServiceAccount",), "automountServiceAccountToken", "pods of the workload get a token for the API server that nobody granted"),
    Meaning(("ServiceAccount",), "secrets", "the identity refers to a standing token (CIS 5.1.6)"),
    Meaning(("ServiceAccount",), "imagePullSecrets", "pods of the workload pull with credentials that nobody granted"),
    Meaning(("ResourceQuota",), "spec", "changes how much the segment may use"),
    Meaning(("LimitRange",), "spec", "changes how much one container may use"),
    Meaning(("PriorityClass",), "", "changes whose pods give way"),
    Meaning(("ConfigMap",), "data.config.yml", "changes what a door of the registry lets in"),
    Meaning(("ConfigMap",), "data.ca.crt", "changes whom the segment's workloads trust"),
    Meaning(("ClusterTrustBundle",), "spec", "changes whom workloads trust"),
    Meaning(("ConfigMap",), "", "changes what guardrails grant"),
    Meaning(("Deployment", "StatefulSet", "CronJob"), "spec", "changes what runs with the workload's identity"),
    Meaning(("Service",), "spec", "sends those who call it somewhere else"),
    Meaning(("PersistentVolumeClaim",), "spec", "changes which volume is mounted"),
    Meaning(("PodDisruptionBudget",), "spec", "changes how many of its pods may be evicted", _WARNING),
    Meaning(_GUARDRAILS, "spec", "the guardrail does not check what it was planned to check"),
    Meaning(_IN_FORCE, "spec", "the guardrail is not in force as planned"),
    Meaning(("ClusterQueue", "LocalQueue", "ResourceFlavor"), "spec", "changes whose jobs get which GPUs"),
    Meaning(("ClusterSPIFFEID",), "spec", "changes who may be the workload"),
    Meaning(("ClusterFederatedTrustDomain",), "spec", "changes whose identities are recognised"),
    Meaning(("NodePool", "EC2NodeClass", "MachineDeployment"), "spec", "changes the nodes that are made for the pool"),
    Meaning(("DeviceClass", "ResourceClaimTemplate"), "spec", "changes which GPUs a pod may claim"),
)
"""The first that fits counts."""


def explain_difference(kind: str, difference: Difference) -> tuple[str, Severity]:
    """Its meaning in words, and its severity. What nobody has thought of is an error."""
    where = pattern(difference.path)
    for meaning in MEANINGS:
        if (not meaning.kinds or kind in meaning.kinds) and where.startswith(meaning.field):
            if difference.planned is ABSENT:
                return meaning.added or meaning.words, meaning.severity
            if difference.live is ABSENT and where in meaning.narrows:
                return f"{meaning.words}: less than planned", _WARNING
            return meaning.words, meaning.severity
    return "is not as planned", _ERROR
