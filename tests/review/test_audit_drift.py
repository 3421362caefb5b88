"""What an audit says of a difference, and what it would do about it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from factory.errors import Severity
from factory.plan import Body, Plan, plan_factory
from factory.review.audit import Change, Drift, find_drift
from factory.review.audit.author import Author, find_author
from factory.review.audit.command import shorten
from factory.review.audit.compare import ABSENT, Difference
from factory.review.audit.meaning import explain_difference
from factory.review.audit.repair import Verb, find_steps

from .test_audit_unplanned import FACTORY, NOW, POOL, binding, role, rule, thing


def plan() -> Plan:
    """A small plan."""
    return plan_factory(FACTORY)


def audit(*extra: Body, **changed: Any) -> list[Drift]:
    """The drift of a cluster as planned, but for objects by reference: a function that changes one, or None for a missing one."""
    live: dict[tuple[str, str], list[Body]] = {}
    for manifest in (*plan().bootstrap, *plan().manifests):
        body = deepcopy(manifest.body)
        if (change := changed.get(manifest.reference.replace(" ", "_"), lambda each: each)) is not None:
            change(body)
            body["metadata"] |= {"uid": "1", "resourceVersion": "1"}
            live.setdefault((body["apiVersion"], body["kind"]), []).append(body)
    for body in extra:
        live.setdefault((body["apiVersion"], body["kind"]), []).append(body)
    return find_drift(FACTORY, plan(), live, NOW)


def test_nothing_to_say_of_a_cluster_as_planned() -> None:
    """No difference, no drift."""
    assert audit() == []


def test_worst_first_with_reason_and_values() -> None:
    """Errors before warnings, each with field, both values and the spec path."""

    def change(body: Body) -> None:
        body["metadata"]["annotations"]["note"] = "x"
        body["spec"]["hard"]["requests.nvidia.com/gpu"] = "99"

    found = audit(**{"ResourceQuota_helix-training/quota": change})
    assert [(each.severity, each.change, each.field, each.planned, each.live, each.path) for each in found] == [
        (Severity.ERROR, Change.CHANGED, "spec.hard[requests.nvidia.com/gpu]", "8", "99", "segments[training].quota"),
        (Severity.WARNING, Change.ADDED, "metadata.annotations.note", None, "x", "segments[training].quota"),
    ]


@pytest.mark.parametrize(
    ("kind", "path", "planned", "live", "words", "severity"),
    [
        ("NetworkPolicy", ("spec", "ingress", 0), ABSENT, {}, "widens", Severity.ERROR),
        ("NetworkPolicy", ("spec", "ingress", 0), {}, ABSENT, "less than planned", Severity.WARNING),
        ("NetworkPolicy", ("spec", "ingress", 0, "from"), [], ABSENT, "changes who may talk", Severity.ERROR),
        ("Role", ("rules", 0, "verbs", 1), ABSENT, "*", "may do more", Severity.ERROR),
        ("Role", ("rules", 0, "resourceNames"), ["x"], ABSENT, "changes what the role may do", Severity.ERROR),
        ("RoleBinding", ("subjects", 0), {}, ABSENT, "less", Severity.WARNING),
        (
            "Namespace",
            ("metadata", "labels", "pod-security.kubernetes.io/enforce"),
            "restricted",
            "baseline",
            "Pod Security",
            Severity.ERROR,
        ),
        ("Namespace", ("metadata", "annotations", "x"), ABSENT, "y", "annotation", Severity.WARNING),
        ("Something", ("spec", "new"), ABSENT, 1, "is not as planned", Severity.ERROR),
    ],
)
def test_meaning(kind: str, path: tuple[str | int, ...], planned: Any, live: Any, words: str, severity: Severity) -> None:
    """What widens trust is an error, what only takes some away a warning, what nobody has thought of an error."""
    said, weight = explain_difference(kind, Difference(path, planned, live))
    assert words in said
    assert weight is severity


def managed(*entries: tuple[str, str, str, Body]) -> Body:
    """A live object with managed fields: manager, operation, time, fields."""
    fields = [{"manager": manager, "operation": operation, "time": time, "fieldsV1": owned} for manager, operation, time, owned in entries]
    spec = {"replicas": 3, "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}
    return {"metadata": {"name": "x", "labels": {"a.b/c": "d"}, "managedFields": fields}, "spec": spec}


OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "author"),
    [
        (("spec", "replicas"), "mallory"),
        (("spec", "ports", 1, "port"), "eve"),
        (("spec", "ports", 0, "port"), "ai-factory"),
        (("metadata", "labels", "a.b/c"), "ai-factory"),
    ],
)
def test_author_is_who_owns_the_field(path: tuple[str | int, ...], author: str) -> None:
    """By key, by list item, not by who wrote last anywhere."""
    live = managed(
        (
            "ai-factory",
            "Apply",
            OLD,
            {"f:metadata": {"f:labels": {"f:a.b/c": {}}}, "f:spec": {"f:ports": {'k:{"name":"a"}': {"f:port": {}}}}},
        ),
        ("mallory", "Update", NEW, {"f:spec": {"f:replicas": {}}}),
        ("eve", "Update", OLD, {"f:spec": {"f:ports": {'k:{"name":"b"}': {"f:port": {}}}}}),
    )
    found = find_author(live, Difference(path, 1, 2))
    assert found is not None
    assert found.manager == author


def test_author_of_what_is_gone_is_the_last_writer() -> None:
    """A field that was taken away is owned by nobody."""
    live = managed(("ai-factory", "Apply", OLD, {"f:spec": {}}), ("mallory", "Update", NEW, {"f:metadata": {}}))
    assert find_author(live, Difference(("spec", "gone"), 1, ABSENT)) == Author("mallory", "Update", NEW)
    assert find_author({"metadata": {}}) is None


def steps(*extra: Body, prune: bool = False, **changed: Any) -> list[tuple[str, str]]:
    """Verb and object of each step."""
    return [(step.verb.value, step.reference) for step in find_steps(plan(), audit(*extra, **changed), prune=prune)]


def test_steps_are_one_an_object_in_the_plans_order() -> None:
    """The namespace before what stands in it; what does not differ is left alone."""

    def twice(body: Body) -> None:
        body["metadata"]["annotations"] |= {"a": "b", "c": "d"}

    changed: dict[str, Any] = {"NetworkPolicy_helix-training/deny-all": None, "Namespace_helix-training": twice}
    assert steps(**changed) == [(Verb.APPLY, "Namespace helix-training"), (Verb.CREATE, "NetworkPolicy helix-training/deny-all")]


def test_unplanned_objects_go_only_with_prune_and_then_first() -> None:
    """A webhook that could meddle with repairs goes before them. Nodes and namespaces only lose the claim; nothing with data is deleted."""
    mallory = {"kind": "User", "name": "mallory"}
    extra = (
        thing("networking.k8s.io/v1", "NetworkPolicy", "allow", "helix-training", spec={}),
        thing("v1", "Node", "other", labels={POOL: "h100"}),
        thing("v1", "Namespace", "mine", labels={"ai-factory.dev/factory": "helix"}),
        role("cluster-admin", rule(["*"], ["*"], ["*"])),
        binding("cluster-admin", "cluster-admin", {"kind": "Group", "name": "system:masters"}, mallory),
        binding("other", "cluster-admin", mallory),
    )
    references = [
        "ClusterRoleBinding cluster-admin",
        "ClusterRoleBinding other",
        "Namespace mine",
        "Node other",
        "NetworkPolicy helix-training/allow",
    ]
    kept = steps(*extra)
    assert sorted(kept) == sorted((Verb.LEAVE.value, reference) for reference in references)
    pruned = steps(*extra, prune=True, **{"NetworkPolicy_helix-training/deny-all": None})
    assert pruned[-1] == (Verb.CREATE, "NetworkPolicy helix-training/deny-all")
    verbs = [Verb.UNBIND, Verb.DELETE, Verb.UNLABEL, Verb.UNLABEL, Verb.DELETE]
    assert sorted(pruned[:-1]) == sorted((verb.value, reference) for verb, reference in zip(verbs, references, strict=True))


def test_a_node_that_has_not_joined_cannot_be_repaired() -> None:
    """Applying its patch would make a node that is none."""
    assert steps(**{"Node_gpu-0": None}) == [(Verb.LEAVE, "Node gpu-0")]


def test_long_values_are_cut_to_where_they_differ() -> None:
    """So that the reader sees what was changed in a long expression."""
    planned, live = "a" * 300 + "x" + "b" * 300, "a" * 300 + "y" + "b" * 300
    assert "ax" in shorten(planned, live)
    assert "ay" in shorten(live, planned)
    assert len(shorten(live, planned)) <= 122
    assert shorten(None) == "nothing"
