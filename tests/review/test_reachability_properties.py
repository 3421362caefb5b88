"""What must hold of reachability whatever the policies: sets and single questions agree, order is irrelevant, policies only add up."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.review import reachability
from factory.review.reachability import Endpoint, Network, Peer, Reach, beyond, compare, ports

from . import generated

dices = st.randoms(use_true_random=False)
Cell = tuple[Peer, Peer, int, str]


def everything(dice: Random) -> tuple[list[dict[str, Any]], list[Endpoint]]:
    """Objects of every kind, some of them beyond understanding, and endpoints."""
    namespaces = generated.namespaces(dice)[: dice.randint(2, 3)]
    policies = generated.network_policies(dice) + generated.cluster_network_policies(dice)
    if dice.random() < 0.5:
        policies = generated.doubtful(dice, policies)
    return namespaces + policies, [generated.endpoint(p) for p in generated.pods(dice, 5)]


def cells(endpoints: list[Endpoint]) -> Iterator[Cell]:
    outside = [*map(ip_address, generated.OUTSIDE), generated.NOBODY]
    for source in (*endpoints, *outside[:-1]):
        for destination in (*endpoints, *outside):
            if source is not destination and (isinstance(source, Endpoint) or isinstance(destination, Endpoint)):
                yield from ((source, destination, number, protocol) for number, protocol in generated.PORTS)


@settings(max_examples=40, deadline=None)
@given(dices, st.booleans())
def test_flows_are_all_cells_and_nothing_else(dice: Random, located: bool) -> None:
    """A cell is in a certain flow if its verdict is Allowed, else in an uncertain one if Unknown, else in none."""
    objects, endpoints = everything(dice)
    network = Network(objects, endpoints, [ip_network("10.0.0.0/29")] if located else [])
    flows = network.flows()
    for cell in cells(endpoints):
        listed = {flow.certain for flow in flows if cell in flow}
        expected = Reach.Allowed if True in listed else Reach.Unknown if listed else Reach.Denied
        assert network.may_reach(*cell).reach is expected, (cell, [str(f) for f in flows if cell in f])


@settings(max_examples=30, deadline=None)
@given(dices)
def test_the_order_of_objects_is_irrelevant(dice: Random) -> None:
    """Shuffled objects and endpoints give the same verdicts for the same reasons, and the same list of flows."""
    objects, endpoints = everything(dice)
    shuffled, others = dice.sample(objects, len(objects)), dice.sample(endpoints, len(endpoints))
    one, other = Network(objects, endpoints), Network(shuffled, others)
    for cell in cells(endpoints):
        mine, theirs = one.may_reach(*cell), other.may_reach(*cell)
        assert (mine.reach, mine.reasons, mine.unknown) == (theirs.reach, theirs.reasons, theirs.unknown)
    assert [str(flow) for flow in one.flows()] == [str(flow) for flow in other.flows()]


@settings(max_examples=40, deadline=None)
@given(dices)
def test_another_policy_widens_only_by_its_own_rules(dice: Random) -> None:
    """What becomes allowed by one more NetworkPolicy is allowed by that policy, by name; and it takes away only where it isolates."""
    objects = generated.namespaces(dice) + generated.network_policies(dice)
    endpoints = [generated.endpoint(p) for p in generated.pods(dice, 5)]
    before, after = Network(objects, endpoints), Network([*objects, generated.network_policy(dice, "new")], endpoints)
    for cell in cells(endpoints):
        was, now = before.may_reach(*cell), after.may_reach(*cell)
        if was.reach is not now.reach:
            assert "new" in {reason.object.name for reason in now.reasons}, (str(was), str(now))
        if was.reach is Reach.Denied and now.reach is Reach.Allowed:
            assert any(r.object.name == "new" and r.action == "Accept" for r in now.reasons)


@settings(max_examples=40, deadline=None)
@given(dices)
def test_doubt_never_turns_into_certainty(dice: Random) -> None:
    """What is Allowed or Denied in spite of fields that are not understood stays so when they are taken away."""
    clear = generated.network_policies(dice) + generated.cluster_network_policies(dice)
    namespaces, endpoints = generated.namespaces(dice), [generated.endpoint(p) for p in generated.pods(dice, 5)]
    understood = Network(namespaces + clear, endpoints)
    verdicts = {cell: understood.may_reach(*cell).reach for cell in cells(endpoints)}
    doubtful = Network(namespaces + generated.doubtful(dice, clear), endpoints)
    for cell, certain in verdicts.items():
        assert doubtful.may_reach(*cell).reach in (certain, Reach.Unknown)


def test_flows_read_as_sentences() -> None:
    """A flow names its ends, exceptions and host names, and its ports."""
    web, db = Endpoint("red", "web", {"app": "web"}), Endpoint("red", "db", {"app": "db"})
    out = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}], "ports": [{"port": 443}, {"port": 53, "protocol": "UDP"}]}
    objects = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"namespace": "red", "name": name},
            "spec": {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"], "egress": egress},
        }
        for name, labels, egress in (("web", {"app": "web"}, [out]), ("db", {"app": "db"}, []))
    ]
    names = {"toFQDNs": [{"matchName": "pypi.org"}], "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]}
    spec = {"endpointSelector": {"matchLabels": {"app": "db"}}, "egress": [names]}
    objects.append({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": objects[0]["metadata"], "spec": spec})
    assert {str(flow) for flow in Network(objects, [web, db]).flows()} == {
        "red/web -> 0.0.0.0/0 except 10.0.0.0/8 on TCP 443; UDP 53",
        "red/db -> host name pypi.org on TCP 443",
    }


@settings(max_examples=40, deadline=None)
@given(dices)
def test_a_comparison_is_the_difference_of_all_cells(dice: Random) -> None:
    """A cell is gained if it is allowed now and was not, lost if it was allowed and is not; doubts likewise, and nothing else is."""
    before, endpoints = everything(dice)
    after, _ = everything(dice)
    after = [o for o in before if o["kind"] != "NetworkPolicy"] + [o for o in after if o["kind"] == "NetworkPolicy"]
    old, new = Network(before, endpoints), Network(after, endpoints)
    change = compare(old, new)
    level = {Reach.Denied: 0, Reach.Unknown: 1, Reach.Allowed: 2}
    for cell in cells(endpoints):
        was, now = level[old.may_reach(*cell).reach], level[new.may_reach(*cell).reach]
        assert any(cell in flow for flow in change.gained) is (now > was)
        assert any(cell in flow for flow in change.lost) is (now < was)
        assert all(flow.certain is (now == 2) for flow in change.gained if cell in flow)
        assert all(flow.certain is (now == 0 and was == 2) for flow in change.lost if cell in flow)


def test_a_comparison_tells_widening_from_narrowing() -> None:
    """A flow more widens, a flow less narrows, the same is neutral; an endpoint that is new gains its flows."""
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    closed = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": "red", "name": "deny"}, "spec": deny}
    allow = {
        "podSelector": {},
        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}],
        "egress": [{"to": [{"podSelector": {}}]}],
    }
    opened = {**closed, "metadata": {"namespace": "red", "name": "allow"}, "spec": allow}
    web, db, new = (Endpoint("red", name, kind="Deployment") for name in ("web", "db", "new"))
    one, other = Network([closed], [web, db]), Network([closed, opened], [web, db])
    assert [compare(a, b).verdict for a, b in ((one, other), (other, one), (other, other))] == ["widens", "narrows", "neutral"]
    assert [str(flow) for flow in compare(one, other).gained] == ["every endpoint -> every endpoint on TCP 80"]
    assert [str(flow) for flow in compare(Network([closed, opened], [web]), Network([closed, opened], [new])).gained] == [
        "red/new -> red/new on TCP 80"
    ]


def test_what_nobody_asked_for_is_found_and_what_is_blocked_too() -> None:
    """Flows less the intended ones are unasked, the intended less the flows are blocked; a flow knows the objects that let it through."""
    allow = {
        "podSelector": {"matchLabels": {"app": "db"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 5432}]}],
    }
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": "red", "name": "db"}, "spec": allow}
    deny = {**policy, "metadata": {"namespace": "red", "name": "deny"}, "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}
    web, db, spy = (Endpoint("red", name, {"app": name}, kind="Deployment") for name in ("web", "db", "spy"))
    network = Network([policy, deny], [web, db, spy])
    to_db = [flow for flow in network.flows() if db in flow.destination]
    intended = network.flow([web], [db], ports("TCP", 5432, 5433))
    (unasked,) = beyond(to_db, [intended])
    assert str(unasked) == "red/spy -> red/db on TCP 5432"
    (blocked,) = beyond([intended], to_db)
    assert str(blocked) == "red/web -> red/db on TCP 5433"
    assert {(str(reason.object), reason.field) for reason in network.reasons(unasked)} == {("NetworkPolicy red/db", "spec.ingress[0]")}


JUNK = (None, 7, "", "x", [], {}, [None], [{}], {"x": {}}, True)


def spoil(dice: Random, value: Any) -> Any:
    """The value with one place in it replaced by junk."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(sorted(value))
        return {**value, key: spoil(dice, value[key])}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return [*value[:at], spoil(dice, value[at]), *value[at + 1 :]]
    return dice.choice(JUNK)


CILIUM = {
    "endpointSelector": {"matchLabels": {"k8s:app": "x"}},
    "enableDefaultDeny": {"ingress": False},
    "ingress": [{"fromEndpoints": [{"matchExpressions": [{"key": "tier", "operator": "Exists"}]}]}],
    "ingressDeny": [{"fromEntities": ["world"]}],
    "egress": [
        {"toFQDNs": [{"matchPattern": "*.example"}], "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]},
        {"toCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}], "authentication": {"mode": "required"}},
        {"toPorts": [{"ports": [{"port": "53"}], "rules": {"dns": [{"matchPattern": "*"}]}}]},
    ],
    "egressDeny": [{"toCIDR": ["169.254.169.254/32"]}],
}


@settings(max_examples=40, deadline=None)
@given(dices)
def test_nonsense_in_a_spec_is_never_a_crash(dice: Random) -> None:
    """Whatever stands in a policy's spec, every question has a verdict and all flows can be listed and said."""
    policies = generated.network_policies(dice) + generated.cluster_network_policies(dice)
    metadata = {"namespace": "n0", "name": "c"}
    policies.append({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": CILIUM})
    policies.append({"apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy", "metadata": metadata, "specs": [CILIUM]})
    spoilt = [{**p, key: spoil(dice, p[key])} for p in policies for key in ("spec", "specs") if key in p]
    endpoints = [generated.endpoint(p) for p in generated.pods(dice, 3)]
    network = Network(generated.namespaces(dice) + spoilt, endpoints)
    for flow in network.flows():
        str(flow)
    for source in endpoints:
        for destination in endpoints:
            str(network.may_reach(source, destination, 80))


def test_the_public_names_are_these() -> None:
    assert set(reachability.__all__) == {
        *("Endpoint", "HostName", "Peer", "Port", "find_endpoints", "Network", "Flow", "End", "Reach", "Verdict"),
        *("Reason", "Reference", "Action", "Direction", "Change", "beyond", "compare", "ports", "say_ports"),
    }
