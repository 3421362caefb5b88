"""The trust model: what single objects say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from factory.load import load_stack
from factory.review.grant import find_grants
from factory.review.objects import Objects, find_because, of_stack
from factory.review.right import find_rights
from factory.review.trust import READERS, UNDERSTOOD, Fact, Weight, find_facts, find_rest, quantity, weigh_right

DEV = Path(__file__).parents[2] / "stacks" / "Pulumi.dev.yaml"


def role(rules: list[dict[str, Any]], **binding: Any) -> Objects:
    """A role, bound in a namespace."""
    meta = {"name": "r", "namespace": "n"}
    api = "rbac.authorization.k8s.io/v1"
    bound = {"apiVersion": api, "kind": "RoleBinding", "metadata": meta, "roleRef": {"kind": "Role", "name": "r"}, "subjects": []} | binding
    return Objects("test", ({"apiVersion": api, "kind": "Role", "metadata": meta, "rules": rules}, bound))


ANN = {"kind": "User", "name": "ann"}


@pytest.mark.parametrize(
    ("verb", "resource", "weight"),
    [
        ("get", "pods", Weight.LOW),
        ("create", "pods", Weight.HIGH),
        ("create", "pods/exec", Weight.HIGH),
        ("get", "pods/exec", Weight.HIGH),
        ("get", "secrets", Weight.CRITICAL),
        ("patch", "rolebindings", Weight.CRITICAL),
        ("bind", "roles", Weight.CRITICAL),
        ("*", "pods", Weight.CRITICAL),
        ("create", "serviceaccounts/token", Weight.CRITICAL),
    ],
)
def test_weight_of_rights(verb: str, resource: str, weight: Weight) -> None:
    """Reading weighs least; a secret, or the means to give oneself more, weighs most; `get` on a session is a way in."""
    (right,) = find_rights(role([{"apiGroups": [""], "resources": [resource], "verbs": [verb]}], subjects=[ANN]))
    assert weigh_right(right) is weight


def test_rights_of_every_subject() -> None:
    """Each subject of a binding holds each verb on each resource, names and groups among them; by binding and role."""
    rules = [{"apiGroups": ["apps", ""], "resources": ["x", "y"], "verbs": ["get", "list"], "resourceNames": ["one", "two"]}]
    tool = {"kind": "ServiceAccount", "name": "argo", "namespace": "ci"}
    rights = list(find_rights(role(rules, subjects=[ANN, tool])))
    assert len(rights) == 2 * 2 * 2 * 2 * 2
    assert {right.subject for right in rights} == {"user ann", "service account ci/argo"}
    assert {right.resource for right in rights} == {
        f'{kind} "{name}"' for kind in ("x", "y", "x.apps", "y.apps") for name in ("one", "two")
    }
    assert {str(name) for right in rights for name in right.by} == {"RoleBinding n/r", "Role n/r"}


def test_role_that_is_not_there_is_everything() -> None:
    """A binding to a role that nobody can see is weighed as the worst."""
    objects = role([], subjects=[ANN], roleRef={"kind": "ClusterRole", "name": "cluster-admin"})
    (right,) = (right for right in find_rights(objects) if right.subject == "user ann")
    assert right.verb == "everything of"
    assert weigh_right(right) is Weight.CRITICAL


def test_grants_are_those_of_the_spec() -> None:
    """What the guardrails' ConfigMaps grant is what the spec says, in its words."""
    stack = load_stack(DEV)
    said = {(grant.workload, grant.verb, grant.what) for grant in find_grants(of_stack(stack))}
    for workload in stack.factory.workloads:
        for verb, kind in (("reads", "dataset"), ("writes", "dataset"), ("serves", "model"), ("produces", "model")):
            for name in getattr(workload, verb):
                suffix = f" ({stack.factory.dataset[name].classification.value})" if kind == "dataset" else ""
                assert (workload.reference, verb, f"{kind} {name}{suffix}") in said
    asked = sum(len(w.reads) + len(w.writes) + len(w.serves) + len(w.produces) for w in stack.factory.workloads)
    assert len([one for one in said if one[1] in ("reads", "writes", "serves", "produces")]) == asked


def test_without_a_spec_every_dataset_is_sensitive() -> None:
    """A rendered folder does not say how bad a leak would be, so it is taken for bad."""
    objects = of_stack(load_stack(DEV))
    bare = Objects("folder", objects.bodies)
    assert {grant.sensitive for grant in find_grants(bare) if grant.verb in ("reads", "writes")} == {True}


def namespace(**labels: str) -> list[Fact]:
    labels = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "labels": labels}}
    return list(find_facts(Objects("test", (body,))).values())


def test_pod_security() -> None:
    """Anything but `restricted` is told as an opening, above all no word at all."""
    level = "pod_security.kubernetes.io__enforce"
    assert not [fact for fact in namespace(**{level: "restricted"}) if "does not enforce restricted" in fact.said]
    for labels in ({}, {level: "baseline"}, {level: "privileged"}):
        (fact,) = [fact for fact in namespace(**labels) if "does not enforce restricted" in fact.said]
        assert fact.opens
        assert fact.weight is Weight.CRITICAL


def test_every_field_is_a_fact_or_a_rest() -> None:
    """Of the kinds that facts are read from, no field of the dev stack's objects is in neither; of grants, no key is a rest."""
    objects = of_stack(load_stack(DEV))
    for body in objects.bodies:
        rest = find_rest(body)
        assert not [path for path in rest if path.startswith("data.")], body["metadata"]["name"]
        for key in body.keys() - {"apiVersion", "kind", "metadata", "data"}:
            understood = any(path[0] == key for path in UNDERSTOOD.get(body["kind"], ()))
            assert understood or any(path.split(".")[0] == key for path in rest), (body["kind"], key)
    assert set(READERS) - {"ConfigMap"} <= set(UNDERSTOOD)


@pytest.mark.parametrize(
    ("said", "number"),
    [("1", 1), ("500m", "0.5"), ("2Ti", 2 * 1024**4), ("1k", 1000), ("1.5Gi", 1.5 * 1024**3), (3, 3), ("x", None), ("", None)],
)
def test_quantity(said: Any, number: Any) -> None:
    """Kubernetes quantities (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/)."""
    assert quantity(said) == (None if number is None else Decimal(number))


def test_because_ends_outside_brackets() -> None:
    """A colon within a path of the spec is part of it."""
    said = "access[helix:ml-research: operator]: they run: jobs"
    body = {"kind": "x", "metadata": {"name": "x", "annotations": {"ai-factory.dev/because": said}}}
    because = find_because(body)
    assert because is not None
    assert (because.path, because.reason) == ("access[helix:ml-research: operator]", "they run: jobs")
