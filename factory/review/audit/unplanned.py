"""Objects that the plan does not know, in places where they matter.

In a segment: whatever opens, grants or identifies. In the cluster: bindings that give rights inside segments, admission that may change or
see what runs there, policies above NetworkPolicy, namespaces and nodes that claim to be the factory's. What cannot be judged, such as a CEL
condition, is taken as touching a segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from factory.errors import Severity
from factory.plan import Body, Plan, names, reference
from factory.plan.auditor import ADMISSION, KYVERNO, RBAC, SEGMENT_KINDS, SPIRE, group_of, is_custom
from factory.plan.guardrail import is_signed
from factory.spec import Distribution, Factory, StaticPool

from .author import find_author
from .compare import SERVER_METADATA
from .drift import Change, Drift
from .grant import explain_grant, is_grant
from .selector import may_match
from .verification import find_exceptions, find_unverified, is_kyvernos

IN_SEGMENTS = {
    ("", "LimitRange"): "changes what containers of the segment get and may ask for",
    ("", "ResourceQuota"): "changes how much the segment may use",
    ("", "ServiceAccount"): "an identity that no workload of the spec has",
    ("networking.k8s.io", "NetworkPolicy"): "policies add up: it can only widen who may talk",
    ("cilium.io", "CiliumNetworkPolicy"): "changes who may talk",
    (RBAC, "Role"): "a set of rights in the segment that nobody planned",
    (RBAC, "RoleBinding"): "somebody holds rights in the segment that the spec does not grant",
    ("kueue.x-k8s.io", "LocalQueue"): "a way to the pool's GPUs that nobody planned",
}
"""Why each of these kinds may not be in a segment unless it is planned."""

BROAD = ("system:authenticated", "system:unauthenticated", "system:anonymous", "system:nodes", "system:serviceaccounts")
"""Names below `system:` that are not one part of Kubernetes but many, or anybody (Kubernetes: *Using RBAC Authorization*)."""

PROVIDERS: Mapping[Distribution, tuple[str, ...]] = {
    Distribution.EKS: ("eks:", "aws:", "amazon:", "iam:"),
    Distribution.AKS: ("aks",),
    Distribution.OPENSHIFT: ("system:serviceaccount:openshift-",),
}
"""Names of users and groups that a managed cluster keeps for itself (EKS: *Create access entries*, reserved user name prefixes)."""

OPENSHIFT = (
    "ServiceAccount builder",
    "ServiceAccount deployer",
    "RoleBinding system:deployers",
    "RoleBinding system:image-builders",
    "RoleBinding system:image-pullers",
)
"""What OpenShift puts into every namespace."""

CILIUM_NAMESPACE_LABEL = "io.cilium.k8s.namespace.labels."
"""Prefix under which Cilium gives pods the labels of their namespace."""

WRITE = frozenset({"*", "create", "update", "patch", "delete", "deletecollection", "bind", "escalate", "impersonate", "approve", "sign"})
READ = frozenset({"*", "get", "list", "watch"})
SEALED = {
    "": {
        "configmaps",
        "limitranges",
        "namespaces",
        "nodes",
        "nodes/proxy",
        "pods/attach",
        "pods/ephemeralcontainers",
        "pods/exec",
        "pods/portforward",
        "pods/proxy",
        "services/proxy",
        "resourcequotas",
        "secrets",
        "serviceaccounts",
        "serviceaccounts/token",
        "users",
        "groups",
    },
    "apps": {"daemonsets", "deployments", "replicasets", "statefulsets"},
    "batch": {"cronjobs", "jobs"},
    "networking.k8s.io": {"networkpolicies"},
    "cilium.io": {"ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"},
    "policy.networking.k8s.io": {"clusternetworkpolicies"},
    RBAC: {"clusterrolebindings", "clusterroles", "rolebindings", "roles"},
    ADMISSION: {
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    },
}
"""What only the deployer, or nobody, writes in all segments at once. Pods may be changed: guardrails look at each change of one."""
SECRETS = ("secrets", "nodes/proxy", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy")
"""What gives something away when it is only read: exec and its like by `get` too, over a WebSocket."""

KYVERNOS = "system:serviceaccount:kyverno:"
"""Identities of Kyverno's namespace (its Helm chart's)."""

WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

_OUTSIDE = {"nodes", "nodes/status", "persistentvolumes", "componentstatuses"}

Objects = Callable[[str, str], Sequence[Body]]
"""Live objects of a group and kind, in whichever version they were listed."""


def find_unplanned(factory: Factory, plan: Plan, live: Mapping[tuple[str, str], Sequence[Body]], now: datetime) -> Iterator[Drift]:
    """Every object that the plan does not know and that may widen or weaken what it says. `live` is by apiVersion and kind."""

    def objects(group: str, kind: str) -> Sequence[Body]:
        return [body for (version, name), found in live.items() if name == kind and group_of(version) == group for body in found]

    planned = {_identity(manifest.body) for manifest in (*plan.manifests, *plan.bootstrap)}
    segments = {
        manifest.body["metadata"]["name"]: manifest.body["metadata"]["labels"]
        for manifest in plan.manifests
        if manifest.body["kind"] == "Namespace"
    }
    # A segment is what the plan calls one, with the labels that it should have and those that somebody gave it.
    for namespace in objects("", "Namespace"):
        if (name := namespace["metadata"]["name"]) in segments:
            segments[name] = namespace["metadata"].get("labels", {}) | segments[name]

    def unplanned(group: str, kind: str) -> Iterator[Body]:
        return (body for body in objects(group, kind) if _identity(body) not in planned)

    for group, kind in SEGMENT_KINDS:
        for body in unplanned(group, kind):
            if body["metadata"]["namespace"] in segments and not _everywhere(factory, body):
                meaning = explain_grant(factory, body, now) if is_grant(body) else IN_SEGMENTS[group, kind]
                if meaning is not None:
                    yield _drift(body, meaning)
    for version, kind in live:
        if kind != "Node" and (group_of(version), kind) not in SEGMENT_KINDS:
            for body in unplanned(group_of(version), kind):
                if body["metadata"].get("labels", {}).get(names.FACTORY) == factory.name:
                    words = "claims to be a segment of the factory" if kind == "Namespace" else "claims to be the factory's"
                    yield _drift(body, words)
    yield from _nodes(factory, plan, objects("", "Node"))
    yield from _rights(factory, objects, unplanned)
    yield from _admission(objects, unplanned, list(segments.values()), is_signed(factory))
    yield from find_unverified(plan, objects(ADMISSION, "ValidatingWebhookConfiguration"), segments)
    for body, words in find_exceptions(plan, objects(KYVERNO, "PolicyException")):
        yield _drift(body, words)
    yield from _tiers(unplanned, segments)
    yield from _identities(factory, unplanned, segments) if factory.workload_identity else ()
    for body in objects("apiregistration.k8s.io", "APIService"):
        spec = body["spec"]
        if spec.get("service") and not is_custom(spec.get("group", "")):
            yield _drift(body, f"another server answers for {spec.get('group') or 'the core group'} in the API server's place")


def _drift(body: Body, meaning: str, severity: Severity = Severity.ERROR, field: str = "", live: Any = None) -> Drift:
    return Drift(Change.UNPLANNED, reference(body), meaning, severity, field=field, live=live, author=find_author(body), object=body)


def _identity(body: Body) -> tuple[str, str, str | None, str]:
    metadata = body["metadata"]
    return group_of(body["apiVersion"]), body["kind"], metadata.get("namespace"), metadata["name"]


def _everywhere(factory: Factory, body: Body) -> bool:
    """Whether it is what a cluster puts into every namespace by itself."""
    kind, name = body["kind"], body["metadata"]["name"]
    if kind == "ServiceAccount" and name == "default":
        written = set(body["metadata"]) - SERVER_METADATA - {"name", "namespace"}
        bare = not written and set(body) <= {"apiVersion", "kind", "metadata"}
        return bare or factory.cluster.distribution is Distribution.OPENSHIFT
    return factory.cluster.distribution is Distribution.OPENSHIFT and f"{kind} {name}" in OPENSHIFT


def _nodes(factory: Factory, plan: Plan, nodes: Sequence[Body]) -> Iterator[Drift]:
    """Nodes that call themselves a pool's. Those of pools that make their own nodes come and go, and bear the label rightly."""
    planned = {manifest.body["metadata"]["name"] for manifest in plan.manifests if manifest.patch}
    listed = {pool.name for pool in factory.pools if isinstance(pool, StaticPool)}
    for node in nodes:
        if node["metadata"]["name"] in planned:
            continue
        labels = node["metadata"].get("labels", {})
        pool = labels.get(names.NODE_POOL)
        if pool in listed or (labels.get(names.FACTORY) == factory.name and pool not in factory.pool):
            field = f"metadata.labels[{names.NODE_POOL if pool else names.FACTORY}]"
            yield _drift(node, "pods of the pool, and their data, may land on a node that the spec does not name", field=field, live=pool)


def _rights(factory: Factory, objects: Objects, unplanned: Callable[[str, str], Iterator[Body]]) -> Iterator[Drift]:
    """Bindings that give rights in every segment to somebody who is no part of Kubernetes, nor the deployer."""
    roles = {role["metadata"]["name"]: role.get("rules") or [] for role in objects(RBAC, "ClusterRole")}
    for binding in unplanned(RBAC, "ClusterRoleBinding"):
        who = sorted({name for subject in binding.get("subjects") or () if (name := _stranger(factory, subject))})
        if not who:
            continue
        role = binding["roleRef"]["name"]
        rights = sorted({right for rule in roles.get(role, ()) for right in _sealed(rule)})
        if rights:
            shown = ", ".join(rights[:3]) + (f" and {len(rights) - 3} more" if len(rights) > 3 else "")
            yield _drift(binding, f"{', '.join(who)} may in every segment: {shown}", field="subjects", live=who)


def subject_name(subject: Mapping[str, Any]) -> str:
    """A binding's subject as the user or group that it is to the API server."""
    name = str(subject.get("name"))
    return f"system:serviceaccount:{subject.get('namespace')}:{name}" if subject.get("kind") == "ServiceAccount" else name


def _stranger(factory: Factory, subject: Mapping[str, Any]) -> str | None:
    """The subject's user or group name, where it is neither a part of the cluster nor the deployer."""
    name = subject_name(subject)
    if name == factory.deployer.user or name.startswith(PROVIDERS.get(factory.cluster.distribution, ())):
        return None
    trusted = ("system:serviceaccount:kube-system:", *((KYVERNOS,) if is_signed(factory) else ()))
    if name.startswith(trusted):
        # Whoever writes in kube-system is the cluster's administrator already; its default identity is for nobody. So it is with Kyverno
        # where it verifies signatures: whoever is Kyverno admits what they like.
        return name if name.endswith(":default") else None
    if name.startswith("system:") and not name.startswith((*BROAD, "system:serviceaccount:")):
        return None
    return name


def _sealed(rule: Mapping[str, Any]) -> Iterator[str]:
    """The rights of a rule that reach what is sealed, as `create secrets`."""
    if rule.get("resourceNames"):
        return
    verbs = set(rule.get("verbs") or ())
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            sealed = {name for known, found in SEALED.items() if group in ("*", known) for name in found}
            if group in ("", "*"):
                written = {"create"} if resource == "pods" else WRITE
                touched = resource in sealed or resource == "pods" or "*" in resource
            else:
                written, touched = set(WRITE), resource in sealed or ("*" in resource and bool(sealed))
            harmful = (verbs & written if resource != "pods" else verbs & {"create", "*"}) if touched else set()
            if resource in SECRETS or "*" in resource:
                harmful |= verbs & READ if group in ("", "*") else set()
            for verb in harmful:
                yield f"{verb} {resource}"


def _admission(
    objects: Objects, unplanned: Callable[[str, str], Iterator[Body]], segments: list[Mapping[str, str]], signed: bool
) -> Iterator[Drift]:
    """Webhooks and policies that may change, see or refuse what is admitted into a segment. Where something must be signed, Kyverno's own
    webhooks have to be there, and what Kyverno may change is told by its policies instead."""

    def touches(match: Mapping[str, Any], rules: Sequence[Mapping[str, Any]] | None) -> bool:
        inside = any(may_match(match.get("namespaceSelector"), labels) for labels in segments)
        return inside and (rules is None or any(_in_segments(rule) for rule in rules))

    for kind, words, severity in (
        ("MutatingWebhookConfiguration", "may change what is admitted into segments", Severity.ERROR),
        ("ValidatingWebhookConfiguration", "sees, and may refuse, what is admitted into segments", Severity.WARNING),
    ):
        kyvernos = [body for of in WEBHOOKS for body in objects(ADMISSION, of)] if signed else []
        for body in unplanned(ADMISSION, kind):
            if signed and is_kyvernos(body, kyvernos):
                continue
            for webhook in body.get("webhooks") or ():
                if touches(webhook, webhook.get("rules") or []):
                    yield _drift(body, words, severity, field=f"webhooks[{webhook['name']}]")
    for kind, words, severity in (
        ("MutatingAdmissionPolicy", "may change what is admitted into segments", Severity.ERROR),
        ("ValidatingAdmissionPolicy", "may refuse what is admitted into segments", Severity.WARNING),
    ):
        policies = {policy["metadata"]["name"]: policy["spec"].get("matchConstraints") or {} for policy in objects(ADMISSION, kind)}
        for body in unplanned(ADMISSION, f"{kind}Binding"):
            if body["metadata"].get("labels", {}).get(names.FACTORY):
                continue  # reported as claiming to be the factory's
            match, constraints = body["spec"].get("matchResources") or {}, policies.get(body["spec"].get("policyName", ""), {})
            if touches(match, match.get("resourceRules") or None) and touches(constraints, constraints.get("resourceRules") or None):
                yield _drift(body, words, severity)

    for body in unplanned(KYVERNO, "MutatingPolicy") if signed else ():
        match = body["spec"].get("matchConstraints") or {}
        if touches(match, match.get("resourceRules") or None):
            yield _drift(body, "may change what is admitted into segments, through Kyverno")
    for body in unplanned("kyverno.io", "ClusterPolicy") if signed else ():
        if any("mutate" in rule for rule in body["spec"].get("rules") or ()):
            yield _drift(body, "may change what is admitted into segments, through Kyverno")


def _in_segments(rule: Mapping[str, Any]) -> bool:
    """Whether a rule of admission is about something that is in segments, or is one."""
    if not any(group == "*" or not is_custom(group) or group in SEALED for group in rule.get("apiGroups") or ()):
        return False
    return bool(set(rule.get("resources") or ()) - _OUTSIDE)


def _tiers(unplanned: Callable[[str, str], Iterator[Body]], segments: Mapping[str, Mapping[str, str]]) -> Iterator[Drift]:
    """Cluster-wide network policies, which are asked before those of segments."""
    for body in unplanned("policy.networking.k8s.io", "ClusterNetworkPolicy"):
        subject = body["spec"].get("subject") or {}
        selector = subject.get("namespaces", (subject.get("pods") or {}).get("namespaceSelector"))
        if any(may_match(selector, labels) for labels in segments.values()):
            yield _drift(body, "is asked before the policies of segments, and may overrule them")
    for body in unplanned("cilium.io", "CiliumClusterwideNetworkPolicy"):
        specs = [spec for spec in (body.get("spec"), *(body.get("specs") or ())) if spec and "endpointSelector" in spec]
        if any(_chooses(spec["endpointSelector"] or {}, name, labels) for spec in specs for name, labels in segments.items()):
            yield _drift(body, "changes who may talk in segments")


def _identities(
    factory: Factory, unplanned: Callable[[str, str], Iterator[Body]], segments: Mapping[str, Mapping[str, str]]
) -> Iterator[Drift]:
    """Identities of the factory's trust domain that nobody planned: by an object of the factory's SPIRE, or of one that takes any class."""
    workloads = names.spiffe_id(factory.trust_domain, "", "").removesuffix("/workload/")
    for kind, field in (("ClusterSPIFFEID", "spiffeIDTemplate"), ("ClusterStaticEntry", "spiffeID")):
        for body in unplanned(SPIRE, kind):
            spec = body["spec"]
            if spec.get("className", factory.name) != factory.name or body["metadata"].get("labels", {}).get(names.FACTORY) == factory.name:
                continue  # another factory's, or reported as claiming to be the factory's
            identity = str(spec.get(field))
            selected = kind == "ClusterSPIFFEID" and any(may_match(spec.get("namespaceSelector"), labels) for labels in segments.values())
            if identity.startswith(workloads) or "{{" in identity or spec.get("admin") or spec.get("downstream"):
                yield _drift(body, f"gives whatever it selects the identity {identity}", field=f"spec.{field}", live=identity)
            elif selected:
                yield _drift(
                    body, "gives pods of segments an identity that the spec does not give them", field=f"spec.{field}", live=identity
                )
            else:
                words = "an identity of the factory's trust domain that no workload of the spec has"
                yield _drift(body, words, Severity.WARNING, field=f"spec.{field}", live=identity)
    for body in unplanned(SPIRE, "ClusterFederatedTrustDomain"):
        if body["spec"].get("className", factory.name) == factory.name and not body["metadata"].get("labels", {}).get(names.FACTORY):
            yield _drift(body, "identities of a trust domain are recognised that the spec does not name", field="spec.trustDomain")


def _chooses(selector: Mapping[str, Any], namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether a Cilium endpoint selector may choose pods of a namespace: only what it says of the namespace is looked at."""
    for key, value in (selector.get("matchLabels") or {}).items():
        plain = key.removeprefix("k8s:")
        if plain == "io.kubernetes.pod.namespace" and value != namespace:
            return False
        if plain.startswith(CILIUM_NAMESPACE_LABEL) and labels.get(plain.removeprefix(CILIUM_NAMESPACE_LABEL)) != value:
            return False
    return True
