"""Whole live objects against their plan, on plain objects."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.plan import Body
from factory.review.audit.compare import ABSENT, find_differences, find_patch_differences
from factory.review.audit.default import Defaults, find_defaults, read_schemas, same_quantity

SERVER = {
    "uid": "5f0c",
    "resourceVersion": "42",
    "generation": 3,
    "creationTimestamp": "2026-11-24T17:55:00Z",
    "managedFields": [{"manager": "ai-factory", "operation": "Apply"}],
}


def policy(**spec: Any) -> Body:
    """A NetworkPolicy that lets nobody in."""
    metadata = {"name": "deny-all", "namespace": "helix-training", "labels": {"ai-factory.dev/factory": "helix"}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [], **spec},
    }


def live(body: Body, **metadata: Any) -> Body:
    """The object as an API server sends it: with metadata of its own, and without empty lists."""
    copy: Body = deepcopy(body)
    copy["metadata"] |= SERVER | metadata
    copy["spec"] = {key: value for key, value in copy["spec"].items() if value != []}
    return copy


def differences(planned: Body, seen: Body, schemas: dict[tuple[str, str], Defaults] | None = None) -> list[tuple[str, Any, Any]]:
    """Path as words, planned value, live value."""
    found = find_differences(planned, seen, find_defaults(planned, schemas or {}))
    return [(" ".join(map(str, each.path)), each.planned, each.live) for each in found]


def test_server_metadata_and_empty_lists_are_no_difference() -> None:
    """An object that was just applied is as planned."""
    assert differences(policy(), live(policy())) == []


def test_status_is_no_difference() -> None:
    """What controllers report is not what somebody wants."""
    assert differences(policy(), live(policy()) | {"status": {"conditions": [{"type": "Ready"}]}}) == []


@pytest.mark.parametrize(
    ("spec", "metadata", "expected"),
    [
        ({"ingress": [{}]}, {}, [("spec ingress 0", ABSENT, {})]),
        ({"egress": [{}]}, {}, [("spec egress", ABSENT, [{}])]),
        ({"policyTypes": ["Ingress", "Egress"]}, {}, [("spec policyTypes 1", ABSENT, "Egress")]),
        ({"podSelector": {"matchLabels": {"a": "b"}}}, {}, [("spec podSelector matchLabels", ABSENT, {"a": "b"})]),
        ({"future": False}, {}, [("spec future", ABSENT, False)]),
        ({}, {"finalizers": ["x/y"]}, [("metadata finalizers", ABSENT, ["x/y"])]),
        ({}, {"ownerReferences": [{"uid": "1"}]}, [("metadata ownerReferences", ABSENT, [{"uid": "1"}])]),
        ({}, {"deletionTimestamp": "2026-11-24T17:55:00Z"}, [("metadata deletionTimestamp", ABSENT, "2026-11-24T17:55:00Z")]),
        ({}, {"labels": {}}, [("metadata labels ai-factory.dev/factory", "helix", ABSENT)]),
        ({}, {"annotations": {"a": "b"}}, [("metadata annotations", ABSENT, {"a": "b"})]),
    ],
)
def test_whatever_is_added_changed_or_gone_is_a_difference(spec: Any, metadata: Any, expected: Any) -> None:
    """A field that nobody knows is reported as well: what is not a known default is not believed harmless."""
    seen = live(policy(), **metadata)
    seen["spec"] |= spec
    assert differences(policy(), seen) == expected


def test_one_item_in_front_is_one_difference() -> None:
    """Items are paired by what they are, so that an insertion does not look like a change of all that follow."""
    rules = [{"from": [{"podSelector": {"matchLabels": {"app": name}}}]} for name in ("a", "b", "c")]
    seen = live(policy(ingress=rules))
    seen["spec"]["ingress"].insert(0, {})
    assert differences(policy(ingress=rules), seen) == [("spec ingress 0", ABSENT, {})]


def test_another_order_is_a_difference() -> None:
    """Some lists mean something by their order, so an order that nobody planned is reported."""
    ports = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    seen = live(policy(ingress=[{"ports": ports}]))
    seen["spec"]["ingress"][0]["ports"].reverse()
    assert [path for path, _, _ in differences(policy(ingress=[{"ports": ports}]), seen)] == ["spec ingress 0 ports"]


def test_a_default_is_one_by_place_and_value() -> None:
    """The default of a field is no difference, another value is, and so is the same value in another place."""
    planned = policy(ingress=[{"ports": [{"port": 53}]}])
    for value, drift in (("TCP", []), ("UDP", ["spec ingress 0 ports 0 protocol"])):
        seen = live(planned)
        seen["spec"]["ingress"][0]["ports"][0]["protocol"] = value
        assert [path for path, _, _ in differences(planned, seen)] == drift
    seen = live(planned)
    seen["spec"]["protocol"] = "TCP"
    assert [path for path, _, _ in differences(planned, seen)] == ["spec protocol"]


def test_metadata_name_label_is_the_namespaces_own() -> None:
    """The label that the API server sets is a default with the namespace's own name only (KEP-2161)."""
    planned = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "helix-training", "labels": {}}}
    for value, drift in (("helix-training", 0), ("kube-system", 1)):
        seen = {**planned, "metadata": {"name": "helix-training", "labels": {"kubernetes.io/metadata.name": value}}}
        seen["spec"] = {"finalizers": ["kubernetes"]}
        assert len(differences(planned, seen)) == drift


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1024Gi", "1Ti", True),
        ("1500m", "1.5", True),
        ("2", 2, True),
        ("1k", "1000", True),
        ("1G", "1Gi", False),
        ("8", "9999", False),
        ("x", "x ", False),
    ],
)
def test_quantities(one: Any, other: Any, same: bool) -> None:
    """Equal amounts are equal however they are written (Kubernetes: *Quantity*, canonical form)."""
    assert same_quantity(one, other) is same


@pytest.mark.parametrize(("field", "drift"), [("spec", 0), ("metadata", 1)])
def test_quantities_are_where_quantities_are(field: str, drift: int) -> None:
    """`1Ti` for `1024Gi` is no change of a quota, but of a label it is."""
    planned: Body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota", "labels": {}}, "spec": {"hard": {}}}
    seen = deepcopy(planned)
    for body, amount in ((planned, "1024Gi"), (seen, "1Ti")):
        (body["spec"]["hard"] if field == "spec" else body["metadata"]["labels"])["requests.memory"] = amount
    assert len(differences(planned, seen)) == drift


def test_custom_resources_default_by_their_own_schema() -> None:
    """A CRD's defaults are read from the CRD, nested and in lists; for custom resources an empty list is not the same as none."""
    node = {"type": "object", "default": {}, "properties": {"after": {"type": "string", "default": "0s"}}}
    schema = {
        "properties": {
            "spec": {"properties": {"disruption": node, "rules": {"items": {"properties": {"action": {"default": "Allow"}}}}}},
        }
    }
    definition = {
        "spec": {
            "group": "policy.example",
            "names": {"kind": "Shield"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}],
        }
    }
    schemas = read_schemas([definition])
    planned: Body = {
        "apiVersion": "policy.example/v1",
        "kind": "Shield",
        "metadata": {"name": "a"},
        "spec": {"rules": [{"to": 1}], "none": []},
    }
    seen = deepcopy(planned)
    seen["spec"] |= {"disruption": {"after": "0s"}, "rules": [{"to": 1, "action": "Allow"}]}
    assert differences(planned, seen, schemas) == []
    seen["spec"] |= {"disruption": {"after": "1h"}, "rules": [{"to": 1, "action": "Deny"}]}
    del seen["spec"]["none"]
    assert [path for path, _, _ in differences(planned, seen, schemas)] == ["spec rules 0 action", "spec none", "spec disruption"]


def test_of_a_patch_only_its_own_fields_count() -> None:
    """A node's other labels are its owner's business; its list of taints is whole, beside what the node controller adds."""
    taint = {"key": "ai-factory.dev/pool", "value": "h100", "effect": "NoSchedule"}
    unready = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    planned = {"kind": "Node", "metadata": {"name": "n", "labels": {"pool": "h100"}}, "spec": {"taints": [taint]}}

    def seen(taints: list[Any], pool: str = "h100") -> Body:
        return {"kind": "Node", "metadata": {"name": "n", "labels": {"pool": pool, "own": "x"}}, "spec": {"taints": taints, "podCIDR": "x"}}

    def paths(node: Body) -> list[str]:
        return [" ".join(map(str, each.path)) for each in find_patch_differences(planned, node, ("node.kubernetes.io/",))]

    assert paths(seen([unready, taint])) == []
    assert paths(seen([taint, {"key": "other", "effect": "NoSchedule"}])) == ["spec taints 1"]
    assert paths(seen([unready])) == ["spec taints 0"]
    assert paths(seen([taint], pool="l40s")) == ["metadata labels pool"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(2, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=1), inner, max_size=3),
    max_leaves=12,
)


def _solid(value: Any) -> Any:
    """The value as JSON that the API server could hold: null is the same as absent in it."""
    if isinstance(value, dict):
        return {key: _solid(inner) for key, inner in value.items() if inner is not None}
    return [_solid(inner) for inner in value if inner is not None] if isinstance(value, list) else value


@given(JSON, JSON)
def test_no_difference_means_equal(one: Any, other: Any) -> None:
    """Whatever two objects are: equal ones do not differ, and ones that do not differ are equal. Nothing can hide."""
    defaults = Defaults(typed=False)
    planned, seen = ({"kind": "X", "metadata": {}, "spec": _solid(each)} for each in (one, other))
    found = list(find_differences(planned, seen, defaults))
    assert bool(found) == (planned["spec"] != seen["spec"])
