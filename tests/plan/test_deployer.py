"""The deployer's rights: what the plan needs, and no more."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import yaml

from factory.load import load_object
from factory.plan import Body, Plan, plan_factory
from factory.plan.deployer import Resource

SPEC: Body = yaml.safe_load((Path(__file__).parents[1] / "e2e" / "guardrails" / "spec.yaml").read_text())


def rights(plan: Plan) -> list[Body]:
    (role,) = [
        manifest.body
        for manifest in plan.bootstrap
        if manifest.body["kind"] == "ClusterRole" and manifest.body["metadata"]["name"].endswith("-deployer")
    ]
    return list(role["rules"])


def may(rules: list[Body], verb: str, resource: Resource, name: str) -> bool:
    """RBAC, as the API server evaluates it for one object."""
    return any(
        resource.group in rule["apiGroups"]
        and resource.plural in rule["resources"]
        and verb in rule["verbs"]
        and ("resourceNames" not in rule or name in rule["resourceNames"])
        for rule in rules
    )


def test_it_may_build_what_is_planned() -> None:
    """Every planned object can be read, made, changed and removed; a node of somebody else only be patched."""
    plan = plan_factory(load_object(SPEC))
    for manifest in plan.manifests:
        for verb in ("get", "patch", *(() if manifest.patch else ("create", "delete"))):
            assert may(rights(plan), verb, Resource.of(manifest.body), manifest.body["metadata"]["name"]), f"{verb} {manifest.reference}"


def test_it_may_do_nothing_else() -> None:
    """No wildcard, no Secret, no pod, no ClusterRole, no impersonation; of resources only those of the plan, and datasets' claims."""
    plan = plan_factory(load_object(SPEC))
    needed = {Resource.of(manifest.body) for manifest in plan.manifests} | {Resource("", "persistentvolumeclaims")}
    for rule in rights(plan):
        assert {Resource(group, plural) for group in rule["apiGroups"] for plural in rule["resources"]} <= needed
        assert set(rule["verbs"]) <= {"bind", "create", "delete", "escalate", "get", "list", "patch", "watch"}


def test_it_grants_planned_roles_only() -> None:
    """`bind` and `escalate` hold for Roles of the planned names."""
    spec = deepcopy(SPEC)
    powers = [rule for rule in rights(plan_factory(load_object(spec))) if {"bind", "escalate"} & set(rule["verbs"])]
    assert [(rule["resources"], rule["resourceNames"]) for rule in powers] == [(["roles"], ["debugger", "operator"])]


def test_what_holds_it_is_not_its_own() -> None:
    """It may change neither its rights nor the guardrail that holds it."""
    plan = plan_factory(load_object(SPEC))
    for manifest in plan.bootstrap:
        for verb in ("create", "patch", "delete", "update"):
            assert not may(rights(plan), verb, Resource.of(manifest.body), manifest.body["metadata"]["name"]), manifest.reference


def test_nodes_by_name() -> None:
    """Nodes belong to somebody else: those of the plan are named, and only patched."""
    spec = deepcopy(SPEC)
    spec["pools"][0]["nodes"] = {"names": ["gpu-[0-1]"]}
    rules = rights(plan_factory(load_object(spec)))
    assert may(rules, "patch", Resource("", "nodes"), "gpu-1")
    assert not may(rules, "patch", Resource("", "nodes"), "gpu-2")
    assert not may(rules, "delete", Resource("", "nodes"), "gpu-1")


def test_a_service_account_is_bound_as_one() -> None:
    """Whoever reads the binding sees that the deployer is a delivery tool in a cluster, not a person."""
    spec = deepcopy(SPEC) | {"deployer": {"user": "system:serviceaccount:delivery:pulumi"}}
    (binding,) = [
        manifest.body
        for manifest in plan_factory(load_object(spec)).bootstrap
        if manifest.body["kind"] == "ClusterRoleBinding" and manifest.body["metadata"]["name"] == "vault-deployer"
    ]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "pulumi", "namespace": "delivery"}]
