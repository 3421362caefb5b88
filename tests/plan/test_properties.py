"""What holds for the plan of every factory, whatever it contains."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from specs import Data, factories, read, shuffled, specs

from factory.plan import Manifest, Plan, names, plan_factory
from factory.spec import Factory

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
COLON_NAMES = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")

properties = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def of_kind(plan: Plan, kind: str) -> list[Manifest]:
    return [manifest for manifest in plan.manifests if manifest.body["kind"] == kind]


def text(plan: Plan) -> str:
    bodies = [(manifest.id, manifest.body, manifest.because, manifest.after, manifest.patch) for manifest in plan.manifests]
    return repr((bodies, plan.intents, plan.files, plan.bootstrap))


@properties
@given(specs())
def test_same_spec_same_bytes(data: Data) -> None:
    """Two readings of one spec plan the same objects, down to the order of their keys."""
    assert text(plan_factory(read(data))) == text(plan_factory(read(data)))


@properties
@given(st.data())
def test_order_of_list_items_changes_no_object(data: st.DataObject) -> None:
    """Whoever sorts a list of their spec sees no difference in a preview."""
    spec = data.draw(specs())
    assert text(plan_factory(read(data.draw(shuffled(spec))))) == text(plan_factory(read(spec)))


@properties
@given(factories())
def test_every_namespace_denies_by_default(factory: Factory) -> None:
    """Each namespace has a policy that selects all of its pods, in both directions, and allows nothing."""
    plan = plan_factory(factory)
    denied = {
        policy.body["metadata"]["namespace"]
        for policy in of_kind(plan, "NetworkPolicy")
        if policy.body["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}
    }
    assert denied == {namespace.body["metadata"]["name"] for namespace in of_kind(plan, "Namespace")}
    assert len(denied) == len(factory.segments)


@properties
@given(factories())
def test_every_allowed_pair_comes_from_the_spec(factory: Factory) -> None:
    """Counted per namespace and direction: one rule a flow end, one a CIDR egress, one for DNS, and not one more."""
    allowed: Counter[tuple[str, str]] = Counter()
    for policy in of_kind(plan_factory(factory), "NetworkPolicy"):
        spec = policy.body["spec"]
        for direction in ("ingress", "egress"):
            for rule in spec.get(direction, []):
                allowed[policy.body["metadata"]["namespace"], direction] += 1
                assert len(rule.get("from", rule.get("to", []))) == 1, "an empty list of peers would mean everybody"
                assert rule["ports"], "an empty list of ports would mean all of them"
        for direction in ("Ingress", "Egress"):
            assert (direction in spec["policyTypes"]) == (direction.lower() in spec), "an absent list means the default of the type"

    expected: Counter[tuple[str, str]] = Counter({(f"{factory.name}-{segment.name}", "egress"): 1 for segment in factory.segments})
    for flow in factory.flows:
        if "/" in flow.to:
            expected[f"{factory.name}-{flow.to.split('/')[0]}", "ingress"] += 1
        if "/" in flow.source:
            expected[f"{factory.name}-{flow.source.split('/')[0]}", "egress"] += 1
    for workload in factory.workloads:
        expected[f"{factory.name}-{workload.segment}", "egress"] += sum(1 for egress in workload.egress if egress.cidr)
    assert allowed == +expected


@properties
@given(factories())
def test_names_are_unique_and_valid(factory: Factory) -> None:
    """Logical names, ids and live names are each given once, and Kubernetes takes them."""
    plan = plan_factory(factory)
    for key in (lambda m: m.id, lambda m: (m.body["kind"], m.name), lambda m: (m.body["apiVersion"].split("/")[0], m.reference)):
        counts = Counter(map(key, plan.manifests))
        assert max(counts.values()) == 1, counts.most_common(3)
    for manifest in plan.manifests:
        metadata = manifest.body["metadata"]
        name = metadata["name"]
        assert len(name) <= 253
        assert SUBDOMAIN.fullmatch(name) or manifest.body["kind"] in COLON_NAMES, name
        if manifest.body["kind"] == "Namespace":
            assert len(name) <= 63
            assert LABEL.fullmatch(name)
        for value in metadata["labels"].values():
            assert len(value) <= 63


@properties
@given(factories())
def test_every_object_knows_its_factory_and_its_reason(factory: Factory) -> None:
    """Who made an object, and why, can be read off the object itself."""
    for manifest in plan_factory(factory).manifests:
        metadata = manifest.body["metadata"]
        assert metadata["labels"][names.FACTORY] == factory.name
        assert metadata["annotations"][names.BECAUSE] == str(manifest.because)
        assert manifest.because.path
        assert manifest.because.reason


@properties
@given(factories())
def test_nothing_is_bound_to_a_built_in_subject(factory: Factory) -> None:
    """No binding names a `system:` group or user: those belong to Kubernetes, or to everybody."""
    for manifest in plan_factory(factory).manifests:
        for subject in manifest.body.get("subjects", []):
            assert subject["kind"] == "ServiceAccount" or not subject["name"].startswith("system:")


@properties
@given(factories())
def test_everything_that_an_object_waits_for_is_planned_before_it(factory: Factory) -> None:
    """In the plan's order, objects can be created one after another."""
    seen: set[str] = set()
    for manifest in plan_factory(factory).manifests:
        assert seen.issuperset(manifest.after), manifest.id
        seen.add(manifest.id)


@properties
@given(factories())
def test_each_component_says_what_it_is_for(factory: Factory) -> None:
    """A preview row without an intent could not say what changed."""
    plan = plan_factory(factory)
    assert {manifest.component for manifest in plan.manifests} <= set(plan.intents)
    assert all(_is_plain(intent) for intent in plan.intents.values())


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or type(value) in (str, int, bool)
