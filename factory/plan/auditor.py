"""What an auditor may do: list exactly the kinds that `factory audit` compares, and change none.

Beside the plan's own kinds these are the ones in which somebody could widen what the plan says: in a segment, or above all segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from factory.spec import Factory

from . import controls, names
from .body import body
from .deployer import Resource, subject
from .manifest import Because, Body, Component, Manifest

CONTROLS = (controls.TENET_5, controls.TENET_7, controls.CIS_RBAC)

RBAC, ADMISSION, KYVERNO = "rbac.authorization.k8s.io", "admissionregistration.k8s.io", "policies.kyverno.io"
SPIRE = "spire.spiffe.io"

SEGMENT_KINDS = (
    ("", "LimitRange"),
    ("", "ResourceQuota"),
    ("", "ServiceAccount"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("cilium.io", "CiliumNetworkPolicy"),
    (RBAC, "Role"),
    (RBAC, "RoleBinding"),
    ("kueue.x-k8s.io", "LocalQueue"),
)
"""Group and kind of what may not be in a segment unless it is planned."""

CLUSTER_KINDS = (
    ("", "Namespace"),
    ("", "Node"),
    (RBAC, "ClusterRole"),
    (RBAC, "ClusterRoleBinding"),
    (ADMISSION, "MutatingWebhookConfiguration"),
    (ADMISSION, "ValidatingWebhookConfiguration"),
    (ADMISSION, "MutatingAdmissionPolicy"),
    (ADMISSION, "MutatingAdmissionPolicyBinding"),
    (ADMISSION, "ValidatingAdmissionPolicy"),
    (ADMISSION, "ValidatingAdmissionPolicyBinding"),
    ("apiregistration.k8s.io", "APIService"),
    ("cilium.io", "CiliumClusterwideNetworkPolicy"),
    ("policy.networking.k8s.io", "ClusterNetworkPolicy"),
    (SPIRE, "ClusterSPIFFEID"),
    (SPIRE, "ClusterStaticEntry"),
    (SPIRE, "ClusterFederatedTrustDomain"),
    (KYVERNO, "ImageValidatingPolicy"),
    (KYVERNO, "MutatingPolicy"),
    (KYVERNO, "PolicyException"),
    ("kyverno.io", "ClusterPolicy"),
)
"""Group and kind of what may reach into segments from outside: it has no namespace, or works in any."""

DEFINITIONS = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
"""Where custom resources' defaults are written."""

BUILT_IN = frozenset(
    f"{group}.k8s.io"
    for group in (
        "admissionregistration",
        "authentication",
        "authorization",
        "certificates",
        "coordination",
        "discovery",
        "events",
        "flowcontrol.apiserver",
        "networking",
        "node",
        "rbac.authorization",
        "resource",
        "scheduling",
        "storage",
    )
)
"""API groups with a dot that the API server itself serves. Other groups below `k8s.io` are add-ons'."""


def group_of(api_version: str) -> str:
    """The API group of an apiVersion; empty for the core group."""
    return api_version.rpartition("/")[0]


def is_custom(group: str) -> bool:
    """Whether the kinds of an API group come from CustomResourceDefinitions."""
    return "." in group and group not in BUILT_IN


def audited_kinds(manifests: Iterable[Manifest]) -> dict[tuple[str, str], str | None]:
    """apiVersion and kind of the planned objects, each with the one name that is looked at, or None where all names are.

    A kind of which nothing matters but the planned objects, which all have one name, is looked at by that name only: other ConfigMaps are
    nobody's business.
    """
    planned: dict[tuple[str, str], set[str]] = {}
    for manifest in manifests:
        planned.setdefault((manifest.body["apiVersion"], manifest.body["kind"]), set()).add(manifest.body["metadata"]["name"])
    matters = {*SEGMENT_KINDS, *CLUSTER_KINDS}
    kinds = {
        (version, kind): next(iter(found)) if len(found) == 1 and (group_of(version), kind) not in matters else None
        for (version, kind), found in planned.items()
    }
    return kinds | ({DEFINITIONS: None} if any(is_custom(group_of(version)) for version, _ in kinds) else {})


def plan_auditor(factory: Factory, manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """A ClusterRole that lists what an audit compares. Bind it to whoever runs `factory audit`; the deployer, who repairs, has it."""
    because = Because("deployer", "whoever audits sees what was planned, and what could undo it", CONTROLS)
    component, name = Component("AiFactory", factory.name), names.cluster_wide(factory.name, "auditor")
    listed = {Resource.of({"apiVersion": version, "kind": kind}): name for (version, kind), name in audited_kinds(manifests).items()}
    listed |= {Resource.of({"apiVersion": f"{group}/", "kind": kind}): None for group, kind in (*SEGMENT_KINDS, *CLUSTER_KINDS)}
    rules: list[Body] = [
        {"apiGroups": [resource.group], "resources": [resource.plural], "verbs": ["list"]} | ({"resourceNames": [only]} if only else {})
        for resource, only in sorted(listed.items())
    ]
    role = body(f"{RBAC}/v1", "ClusterRole", name, because, factory=factory.name, rules=rules)
    yield Manifest(component, "auditor", role, because)

    because = Because("deployer.user", "who repairs must see what to repair", CONTROLS)
    binding = body(
        f"{RBAC}/v1",
        "ClusterRoleBinding",
        names.cluster_wide(factory.name, "deployer-audits"),
        because,
        factory=factory.name,
        roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        subjects=[subject(factory.deployer.user)],
    )
    yield Manifest(component, "deployer-audits", binding, because, after=(f"{component}/auditor",))
