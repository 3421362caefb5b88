"""What the plan does not know, on plain objects: reported where it matters, and only there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from factory.load import load_object
from factory.plan import Body, plan_factory
from factory.plan.auditor import ADMISSION, RBAC, SEGMENT_KINDS
from factory.review.audit.unplanned import IN_SEGMENTS, find_unplanned

SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Development",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    "images": {"registries": ["registry.helix.example/apps/"]},
    "segments": [{"name": "training", "stage": "Training", "owner": "research", "quota": {"gpu": 8}}],
    "workloads": [{"name": "trainer", "segment": "training", "pool": "h100"}],
    "eligibility": [
        {
            "group": "staff:research",
            "role": "operator",
            "segments": ["training"],
            "longest": "4h",
            "approvers": "staff:leads",
            "because": "a hung job must be ended",
        }
    ],
    "pools": [{"name": "h100", "provisioner": "Static", "segments": ["training"], "nodes": {"names": ["gpu-0"]}}],
}
FACTORY = load_object(SPEC)
PLAN = plan_factory(FACTORY)
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
POOL = "ai-factory.dev.node-restriction.kubernetes.io/pool"


def thing(version: str, kind: str, name: str, namespace: str | None = None, labels: dict[str, str] | None = None, **content: Any) -> Body:
    """A live object."""
    metadata: Body = {"name": name, "uid": "1", "resourceVersion": "1", "labels": labels or {}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata | ({"namespace": namespace} if namespace else {}), **content}


def found(*objects: Body) -> list[str]:
    """What is reported of these objects, when everything planned is there too."""
    live: dict[tuple[str, str], list[Body]] = {}
    for each in (*(manifest.body for manifest in (*PLAN.bootstrap, *PLAN.manifests)), *objects):
        live.setdefault((each["apiVersion"], each["kind"]), []).append(each)
    return [drift.reference for drift in find_unplanned(FACTORY, PLAN, live, NOW)]


def binding(name: str, role: str, *subjects: dict[str, str]) -> Body:
    """A live ClusterRoleBinding."""
    return thing(f"{RBAC}/v1", "ClusterRoleBinding", name, roleRef={"kind": "ClusterRole", "name": role}, subjects=list(subjects))


def role(name: str, *rules: dict[str, list[str]]) -> Body:
    """A live ClusterRole."""
    return thing(f"{RBAC}/v1", "ClusterRole", name, rules=list(rules))


def rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict[str, list[str]]:
    """An RBAC rule."""
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def test_the_plan_itself_is_not_unplanned() -> None:
    """Nothing that the plan has is ever reported."""
    assert found() == []


@pytest.mark.parametrize(("group", "kind"), SEGMENT_KINDS)
def test_each_kind_that_matters_in_a_segment(group: str, kind: str) -> None:
    """Reported in a segment, with a reason; in another namespace it is somebody else's business."""
    version = f"{group}/v1" if group else "v1"
    inside, outside = thing(version, kind, "x", "helix-training"), thing(version, kind, "x", "kube-system")
    assert found(inside, outside) == [f"{kind} helix-training/x"]
    assert IN_SEGMENTS[group, kind]


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({}, False),
        ({"subjects": None}, False),
        ({"expires-at": "2026-12-01T11:59:59Z"}, True),
        ({"expires-at": "tomorrow"}, True),
        ({"expires-at": "2026-12-01T18:00:00Z"}, True),
        ({"eligible-as": "staff:other"}, True),
        ({"approved-by": "staff:alice"}, True),
        ({"approved-by": None}, True),
        ({"requested-by": "staff:mallory"}, True),
        ({"role": "viewer"}, True),
        ({"namespace": "helix-other"}, False),
        ({"finalizers": ["x/y"]}, True),
    ],
)
def test_a_grant_for_a_while(change: dict[str, Any], reported: bool) -> None:
    """It is right while the spec lets its holder hold it, with another's consent and for no longer; beside segments it is nobody's."""
    written = {
        "expires-at": "2026-12-01T14:00:00Z",
        "eligible-as": "staff:research",
        "requested-by": "staff:alice",
        "approved-by": "staff:bob",
    } | change
    alice = {"apiGroup": RBAC, "kind": "User", "name": "staff:alice"}
    held = thing(
        f"{RBAC}/v1",
        "RoleBinding",
        "operator::staff:alice",
        written.get("namespace", "helix-training"),
        {"ai-factory.dev/grant": "true"},
        roleRef={"apiGroup": RBAC, "kind": "Role", "name": written.get("role", "operator")},
        subjects=[] if "subjects" in change else [alice],
    )
    keys = ("expires-at", "eligible-as", "requested-by", "approved-by")
    held["metadata"]["annotations"] = {f"ai-factory.dev/{key}": written[key] for key in keys if written[key]}
    held["metadata"] |= {"creationTimestamp": "2026-12-01T11:00:00Z"} | (
        {"finalizers": change["finalizers"]} if "finalizers" in change else {}
    )
    assert (found(held) != []) is reported


def test_default_identity_may_only_be_bare() -> None:
    """Every namespace has one, made by a controller; whatever is added to it is reported."""
    bare = thing("v1", "ServiceAccount", "default", "helix-training")
    del bare["metadata"]["labels"]
    assert found(bare) == []
    assert found({**bare, "imagePullSecrets": [{"name": "x"}]}) == ["ServiceAccount helix-training/default"]
    assert found(thing("v1", "ServiceAccount", "default", "helix-training", {"a": "b"})) == ["ServiceAccount helix-training/default"]


def test_whatever_claims_to_be_the_factorys() -> None:
    """The label is what guardrails go by, so nothing else may bear it."""
    labels = {"ai-factory.dev/factory": "helix"}
    assert found(thing("v1", "Namespace", "mallory", labels=labels)) == ["Namespace mallory"]
    assert found(thing("v1", "Namespace", "other", labels={"ai-factory.dev/factory": "other"})) == []
    assert found(thing("scheduling.k8s.io/v1", "PriorityClass", "x", labels=labels)) == ["PriorityClass x"]


@pytest.mark.parametrize(
    ("name", "labels", "reported"),
    [
        ("gpu-0", {POOL: "h100"}, False),
        ("gpu-1", {POOL: "h100"}, True),
        ("gpu-1", {POOL: "somebody-elses"}, False),
        ("gpu-1", {"ai-factory.dev/factory": "helix"}, True),
        ("gpu-1", {}, False),
    ],
)
def test_nodes_that_call_themselves_a_pools(name: str, labels: dict[str, str], reported: bool) -> None:
    """A pool of named nodes has those and no others."""
    assert (found(thing("v1", "Node", name, labels=labels)) != []) is reported


MALLORY = {"kind": "User", "name": "mallory"}


@pytest.mark.parametrize(
    ("rules", "reported"),
    [
        ([rule(["*"], ["*"], ["*"])], True),
        ([rule([""], ["*"], ["get"])], True),
        ([rule([""], ["secrets"], ["list"])], True),
        ([rule([""], ["pods/exec"], ["get"])], True),
        ([rule([""], ["pods"], ["create"])], True),
        ([rule([""], ["serviceaccounts/token"], ["create"])], True),
        ([rule([RBAC], ["*"], ["patch"])], True),
        ([rule([RBAC], ["clusterroles"], ["escalate"])], True),
        ([rule(["networking.k8s.io"], ["networkpolicies"], ["delete"])], True),
        ([rule([ADMISSION], ["validatingadmissionpolicybindings"], ["deletecollection"])], True),
        ([rule([""], ["users"], ["impersonate"])], True),
        ([rule([""], ["pods"], ["get", "list", "watch"])], False),
        ([rule([""], ["pods/status", "pods"], ["patch", "delete"])], False),
        ([rule(["cert-manager.io"], ["*"], ["*"])], False),
        ([rule(["networking.k8s.io"], ["networkpolicies"], ["get", "list"])], False),
        ([rule([""], ["secrets"], ["get"]) | {"resourceNames": ["one"]}], False),
        ([], False),
    ],
)
def test_rights_in_every_segment(rules: list[dict[str, list[str]]], reported: bool) -> None:
    """A binding of a whole cluster is judged by what its role allows, not by its name."""
    assert (found(role("r", *rules), binding("b", "r", MALLORY)) != []) is reported


@pytest.mark.parametrize(
    ("subject", "reported"),
    [
        ({"kind": "Group", "name": "system:authenticated"}, True),
        ({"kind": "Group", "name": "system:serviceaccounts:default"}, True),
        ({"kind": "User", "name": "system:anonymous"}, True),
        ({"kind": "ServiceAccount", "namespace": "tools", "name": "ci"}, True),
        ({"kind": "ServiceAccount", "namespace": "kube-system", "name": "default"}, True),
        ({"kind": "ServiceAccount", "namespace": "kube-system", "name": "job-controller"}, False),
        ({"kind": "Group", "name": "system:masters"}, False),
        ({"kind": "User", "name": "system:kube-scheduler"}, False),
        ({"kind": "User", "name": "factory-deployer"}, False),
    ],
)
def test_who_is_a_stranger(subject: dict[str, str], reported: bool) -> None:
    """Parts of Kubernetes and the deployer are none; names that stand for many are."""
    assert (found(role("all", rule(["*"], ["*"], ["*"])), binding("cluster-admin", "all", subject)) != []) is reported


@pytest.mark.parametrize(
    ("webhook", "reported"),
    [
        ({}, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}}, False),
        ({"namespaceSelector": {"matchExpressions": [{"key": "ai-factory.dev/factory", "operator": "DoesNotExist"}]}}, False),
        ({"namespaceSelector": {"matchLabels": {"ai-factory.dev/stage": "Training"}}}, True),
        ({"matchConditions": [{"name": "never", "expression": "false"}]}, True),
        ({"rules": [{"apiGroups": ["cert-manager.io"], "resources": ["*"]}]}, False),
        ({"rules": [{"apiGroups": [""], "resources": ["nodes"]}]}, False),
        ({"rules": [{"apiGroups": ["*"], "resources": ["pods"]}]}, True),
    ],
)
def test_webhooks_that_touch_segments(webhook: Body, reported: bool) -> None:
    """By selector and rules; a condition, which is not evaluated, excuses nothing."""
    entry = {"name": "w.example", "rules": [{"apiGroups": [""], "resources": ["pods"]}], **webhook}
    assert (found(thing(f"{ADMISSION}/v1", "MutatingWebhookConfiguration", "w", webhooks=[entry])) != []) is reported


def test_policies_that_touch_segments() -> None:
    """A binding counts, with the constraints of its policy; a policy without binding does nothing."""
    constraints = {"resourceRules": [{"apiGroups": [""], "resources": ["pods"]}]}
    policy = thing(f"{ADMISSION}/v1", "MutatingAdmissionPolicy", "p", spec={"matchConstraints": constraints})
    bound = thing(f"{ADMISSION}/v1", "MutatingAdmissionPolicyBinding", "b", spec={"policyName": "p"})
    assert found(policy) == []
    assert found(policy, bound) == ["MutatingAdmissionPolicyBinding b"]
    bound["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}}
    assert found(policy, bound) == []


@pytest.mark.parametrize(
    ("subject", "reported"),
    [
        ({"namespaces": {}}, True),
        ({"pods": {"namespaceSelector": {"matchLabels": {"ai-factory.dev/segment": "training"}}, "podSelector": {}}}, True),
        ({"namespaces": {"matchLabels": {"team": "other"}}}, False),
    ],
)
def test_policies_above_segments(subject: Body, reported: bool) -> None:
    """A cluster-wide policy is asked before those of segments where it chooses their pods."""
    policy = thing("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", "x", spec={"tier": "Admin", "subject": subject})
    assert (found(policy) != []) is reported


@pytest.mark.parametrize(
    ("labels", "reported"),
    [
        ({}, True),
        ({"app": "x"}, True),
        ({"k8s:io.kubernetes.pod.namespace": "helix-training"}, True),
        ({"k8s:io.kubernetes.pod.namespace": "other"}, False),
        ({"k8s:io.cilium.k8s.namespace.labels.ai-factory.dev/factory": "helix"}, True),
        ({"k8s:io.cilium.k8s.namespace.labels.ai-factory.dev/factory": "other"}, False),
    ],
)
def test_cilium_policies_above_segments(labels: dict[str, str], reported: bool) -> None:
    """Pods' labels excuse nothing, since pods come and go; those of their namespace do."""
    spec = {"endpointSelector": {"matchLabels": labels}, "egress": [{"toEntities": ["all"]}]}
    assert (found(thing("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "x", spec=spec)) != []) is reported


def test_another_server_for_kubernetes_own_kinds() -> None:
    """An APIService with a Service behind it answers for the group; for groups of its own it may."""
    service = {"service": {"namespace": "x", "name": "y"}}
    assert found(thing("apiregistration.k8s.io/v1", "APIService", "v1.apps", spec={"group": "apps", **service})) == ["APIService v1.apps"]
    assert found(thing("apiregistration.k8s.io/v1", "APIService", "v1.metrics", spec={"group": "metrics.k8s.io", **service})) == []
    assert found(thing("apiregistration.k8s.io/v1", "APIService", "v1.apps", spec={"group": "apps"})) == []


WITH_SPIRE = load_object(SPEC | {"identity": {"workloads": {"spire": {}}}})
SPIRE_API = "spire.spiffe.io/v1alpha1"


def identities(*objects: Body) -> list[tuple[str, str]]:
    """What is reported, and how badly, where workloads have identities of SPIRE."""
    plan = plan_factory(WITH_SPIRE)
    live: dict[tuple[str, str], list[Body]] = {}
    for each in (*(manifest.body for manifest in (*plan.bootstrap, *plan.manifests)), *objects):
        live.setdefault((each["apiVersion"], each["kind"]), []).append(each)
    return [(drift.reference.partition(" ")[2], drift.severity.value) for drift in find_unplanned(WITH_SPIRE, plan, live, NOW)]


def test_an_identity_that_nobody_planned() -> None:
    """Whoever bears an identity of the trust domain is planned. Of a workload, of a segment's pods, or signing others: an error."""
    of_workload = "spiffe://helix.example/segment/training/workload/trainer"
    elsewhere = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    other = {"className": "helix", "spiffeIDTemplate": "spiffe://helix.example/monitoring"}
    for spec, severity in (
        ({"className": "helix", "spiffeIDTemplate": of_workload, **elsewhere}, "Error"),
        ({"spiffeIDTemplate": of_workload, **elsewhere}, "Error"),
        ({**other, "spiffeIDTemplate": "spiffe://helix.example/{{ .PodMeta.Name }}", **elsewhere}, "Error"),
        ({**other, "admin": True, **elsewhere}, "Error"),
        ({**other, "downstream": True, **elsewhere}, "Error"),
        (other, "Error"),
        ({**other, **elsewhere}, "Warning"),
    ):
        assert identities(thing(SPIRE_API, "ClusterSPIFFEID", "x", spec=spec)) == [("x", severity)], spec
    entry = {"className": "helix", "spiffeID": of_workload, "parentID": "spiffe://helix.example/node", "selectors": ["k8s:ns:default"]}
    assert identities(thing(SPIRE_API, "ClusterStaticEntry", "x", spec=entry)) == [("x", "Error")]
    trusted = {"className": "helix", "trustDomain": "mallory.example", "bundleEndpointURL": "https://mallory.example"}
    assert identities(thing(SPIRE_API, "ClusterFederatedTrustDomain", "x", spec=trusted)) == [("x", "Error")]


def test_identities_of_another_spire_are_not_ours() -> None:
    """An object of another class is another SPIRE's; and without SPIRE in the spec none is looked at."""
    spec = {"className": "other", "spiffeIDTemplate": "spiffe://other.example/x"}
    assert identities(thing(SPIRE_API, "ClusterSPIFFEID", "x", spec=spec), thing(SPIRE_API, "ClusterStaticEntry", "y", spec=spec)) == []
    assert found(thing(SPIRE_API, "ClusterSPIFFEID", "x", spec={"spiffeIDTemplate": "spiffe://helix.example/x"})) == []
