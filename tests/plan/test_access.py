"""Access as planned: least privilege, one row a grant, behind the guardrails."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from factory.load import load_object
from factory.plan import Body, Component, Manifest, names, plan_factory
from factory.plan.catalogue import BUILT_IN, OPENS
from factory.spec import OPERATOR, VIEWER, Session

SPEC: Body = yaml.safe_load((Path(__file__).parents[1] / "e2e" / "guardrails" / "spec.yaml").read_text())


def planned(spec: Body, kind: str) -> list[Manifest]:
    return [manifest for manifest in plan_factory(load_object(spec)).manifests if manifest.body["kind"] == kind]


def test_one_row_a_grant() -> None:
    """A new grant in two segments is one new component with two bindings, and the roles that were not held there before."""
    spec = deepcopy(SPEC)
    before = plan_factory(load_object(spec))
    spec["access"].append({"group": "vault:audit", "role": "viewer", "segments": ["training", "inference"], "because": "they look at all"})
    after = plan_factory(load_object(spec))
    assert set(after.intents) - set(before.intents) == {Component("Access", "vault:audit.viewer")}
    assert after.intents[Component("Access", "vault:audit.viewer")]["because"] == "they look at all"
    new = {manifest.id for manifest in after.manifests} - {manifest.id for manifest in before.manifests}
    assert new == {
        "Access vault:audit.viewer/inference",
        "Access vault:audit.viewer/training",
        "Segment inference/role-viewer",
        "Segment training/role-viewer",
    }


def test_subjects() -> None:
    """A group is bound as a group, a delivery tool as the ServiceAccount that it is."""
    subjects = {manifest.body["metadata"]["name"]: manifest.body["subjects"] for manifest in planned(SPEC, "RoleBinding")}
    assert subjects["vault:on-call.debugger"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "vault:on-call"}]
    tool = next(value for key, value in subjects.items() if key.startswith("delivery-argo"))
    assert tool == [{"kind": "ServiceAccount", "name": "argo", "namespace": "delivery"}]


@pytest.mark.parametrize("role", [VIEWER, OPERATOR])
def test_built_in_roles_are_small(role: str) -> None:
    """Neither reads or writes a Secret, enters a pod, changes access or policies, or has a wildcard."""
    for permission in BUILT_IN[role]:
        words = (*permission.api_groups, *permission.resources, *permission.verbs)
        assert not any("*" in word for word in words)
        assert "secrets" not in permission.resources
        assert not {rule.resources[0] for rule in OPENS.values()} & set(permission.resources)
        if set(permission.verbs) - {"get", "list", "watch"}:
            assert permission.api_groups != ("rbac.authorization.k8s.io",)
            assert permission.api_groups != ("networking.k8s.io",)
            assert not {"serviceaccounts", "resourcequotas", "limitranges", "persistentvolumeclaims"} & set(permission.resources)


def test_a_viewer_changes_nothing() -> None:
    """It only reads."""
    assert {verb for permission in BUILT_IN[VIEWER] for verb in permission.verbs} == {"get", "list", "watch"}


def test_sessions_open_what_they_say() -> None:
    """A role with a session may use its subresource, and no other."""
    (role,) = [manifest.body for manifest in planned(SPEC, "Role") if manifest.body["metadata"]["name"] == "debugger"]
    resources = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert {"pods/exec", "pods/ephemeralcontainers"} <= resources
    assert not {"pods/attach", "pods/portforward"} & resources
    assert set(OPENS) == set(Session)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ml research", "ml-research"), ("ML-Research", "ml-research"), ("cd/argo", "cd-argo"), ("a::b", "a-b")],
)
def test_subjects_do_not_collide(one: str, other: str) -> None:
    """Two subjects that would read the same in an object's name are told apart."""
    assert names.grant(one, "viewer") != names.grant(other, "viewer")
