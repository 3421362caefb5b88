"""What must hold of reachability whatever the policies: sets and single questions agree, order is irrelevant, policies only add up."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.review import reachability
from factory.review.reachability import Endpoint, Network, Peer, Reach

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


@settings(max_examples=150, deadline=None)
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


@settings(max_examples=60, deadline=None)
@given(dices)
def test_the_order_of_objects_is_irrelevant(dice: Random) -> None:
    """Shuffled objects and endpoints give the same verdicts, for the same reasons."""
    objects, endpoints = everything(dice)
    shuffled, others = dice.sample(objects, len(objects)), dice.sample(endpoints, len(endpoints))
    one, other = Network(objects, endpoints), Network(shuffled, others)
    for cell in cells(endpoints):
        mine, theirs = one.may_reach(*cell), other.may_reach(*cell)
        assert (mine.reach, set(mine.reasons), set(mine.unknown)) == (theirs.reach, set(theirs.reasons), set(theirs.unknown))


@settings(max_examples=100, deadline=None)
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


@settings(max_examples=100, deadline=None)
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


def test_the_public_names_are_these() -> None:
    assert set(reachability.__all__) == {
        *("Endpoint", "HostName", "Peer", "Port", "find_endpoints", "Network", "Flow", "End", "Reach", "Verdict"),
        *("Reason", "Reference", "Action", "Direction", "say_ports"),
    }
