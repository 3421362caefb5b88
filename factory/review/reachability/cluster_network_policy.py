"""ClusterNetworkPolicy, `policy.networking.k8s.io/v1alpha2`: the administrator's ordered rules, before (Admin) and after (Baseline) others.

Semantics: the type comments of network-policy-api v0.2.0, `apis/v1alpha2/clusternetworkpolicy_types.go`. Lower priority values come first,
then the order in the object; the first rule that matches decides, Pass hands on to the next tier. The Baseline tier decides for a pod and
direction that no NetworkPolicy isolates. Two policies of one tier and priority that would decide the same traffic differently may be
applied in either order: that traffic is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from .endpoint import HostName, Object
from .interval import NOTHING
from .network_policy import read_cidr, read_port
from .population import Choice, Peers, Population
from .port import PROTOCOLS
from .rule import (
    EVERY_PORT,
    NO_PORTS,
    NONSENSE,
    Action,
    Direction,
    Ports,
    Reason,
    Reference,
    Rule,
    Tiers,
    doubt_everything,
    expect,
    expect_list,
    make_rules,
)
from .selector import NotUnderstoodError, parse_selector

API = "policy.networking.k8s.io/v1alpha2"


def read_cluster_network_policies(policies: Iterable[Object], population: Population, tiers: Mapping[Direction, Tiers]) -> None:
    """Adds what all ClusterNetworkPolicies together mean to `tiers`."""
    for direction in Direction:
        levels: defaultdict[tuple[str, int], list[list[Rule]]] = defaultdict(list)
        for policy in sorted(policies, key=lambda p: str(p["metadata"]["name"])):
            try:
                for level, rules in _rules(policy, direction, population).items():
                    levels[level].append(rules)
            except NONSENSE as error:
                doubt_everything(policy, f"it is not shaped as its API says: {error}", population, tiers)
        for (tier, _), tied in sorted(levels.items()):
            _doubt_ties(tied)
            ordered = tiers[direction].admin if tier == "Admin" else tiers[direction].baseline
            for rules in tied:
                ordered += rules


def _rules(policy: Object, direction: Direction, population: Population) -> dict[tuple[str, int], list[Rule]]:
    reference = Reference.to(policy)
    spec, doubt = policy.get("spec") or {}, ""
    subjects = Choice.exactly(Peers(population.pods))
    levels = [("Admin", 0), ("Baseline", 0)]
    try:
        expect(spec, ("tier", "priority", "subject", "ingress", "egress"), "spec")
        tier, priority = spec.get("tier"), spec.get("priority")
        if tier not in ("Admin", "Baseline"):
            raise NotUnderstoodError("spec.tier", f"{tier!r} is neither Admin nor Baseline")
        if not isinstance(priority, int) or not 0 <= priority <= 1000:
            raise NotUnderstoodError("spec.priority", f"{priority!r} is not a whole number from 0 to 1000")
        levels = [(tier, priority)]
        subjects = _subject(spec.get("subject"), population)
    except NotUnderstoodError as error:
        doubt = str(error)
    key, peers_key = ("ingress", "from") if direction is Direction.Ingress else ("egress", "to")
    found: list[Rule] = []
    try:
        rules = expect_list(spec.get(key), f"spec.{key}")
    except NotUnderstoodError as error:
        rules, doubt = [None], str(error)
    for i, rule in enumerate(rules):
        place = f"spec.{key}[{i}]"
        action, unclear = Action.Pass, doubt  # an uncertain Pass stands for any outcome
        peers, wanted = Choice.exactly(population.everyone), EVERY_PORT
        try:
            rule = expect(rule, ("name", "action", peers_key, "protocols"), place)
            if rule.get("action") not in ("Accept", "Deny", "Pass"):
                raise NotUnderstoodError(f"{place}.action", f"{rule.get('action')!r} is not Accept, Deny or Pass")
            action = Action(rule["action"])
            peers = _peers(rule.get(peers_key), f"{place}.{peers_key}", direction, action, population)
            wanted = _ports(rule.get("protocols"), f"{place}.protocols")
        except NotUnderstoodError as error:
            unclear = unclear or str(error)
        found += make_rules(population, subjects, peers, wanted, Reason(reference, place, action, direction, unclear))
    return dict.fromkeys(levels, found)


def _doubt_ties(tied: list[list[Rule]]) -> None:
    """Makes uncertain what policies of the same tier and priority decide differently."""
    for mine, theirs in combinations(tied, 2):
        for one in mine:
            for other in theirs:
                meet = one.subjects & other.subjects and one.peers & other.peers and one.ports & other.ports
                if one.action is not other.action and meet:
                    for rule, against in ((one, other), (other, one)):
                        if rule.certain:
                            rule.reason = replace(rule.reason, doubt=f"{against.reason.object} has the same priority")


def _subject(given: Any, population: Population) -> Choice:
    given = expect(given, ("namespaces", "pods"), "spec.subject")
    if len(given) != 1:
        raise NotUnderstoodError("spec.subject", "takes exactly one of namespaces and pods")
    return _pods(given, "spec.subject", population)


def _pods(given: Mapping[str, Any], place: str, population: Population) -> Choice:
    """What `namespaces` or `pods` selects; never host network endpoints."""
    if "namespaces" in given:
        return population.select_namespaces(parse_selector(given["namespaces"], f"{place}.namespaces"))
    both = expect(given["pods"], ("namespaceSelector", "podSelector"), f"{place}.pods")
    where = population.select_namespaces(parse_selector(both.get("namespaceSelector") or {}, f"{place}.pods.namespaceSelector"))
    pods = population.select_pods(parse_selector(both.get("podSelector") or {}, f"{place}.pods.podSelector"))
    return where & Choice.exactly(Peers(pods))


def _peers(given: Any, place: str, direction: Direction, action: Action, population: Population) -> Choice:
    outside = () if direction is Direction.Ingress else ("networks", "nodes", "domainNames")
    chosen = Choice(Peers(), Peers())
    if not expect_list(given, place):
        raise NotUnderstoodError(place, "takes at least one peer")
    for i, peer in enumerate(given):
        at = f"{place}[{i}]"
        peer = expect(peer, ("namespaces", "pods", *outside), at)
        if len(peer) != 1:
            raise NotUnderstoodError(at, "takes exactly one field")
        if "networks" in peer:
            addresses = NOTHING
            for j, cidr in enumerate(expect_list(peer["networks"], f"{at}.networks")):
                addresses |= read_cidr(cidr, f"{at}.networks[{j}]")
            chosen |= population.select_addresses(addresses)
        elif "nodes" in peer:
            raise NotUnderstoodError(f"{at}.nodes", "the addresses of nodes are not known here")
        elif "domainNames" in peer:
            if action is not Action.Accept:
                raise NotUnderstoodError(f"{at}.domainNames", "only Accept rules may name domains")
            for name in expect_list(peer["domainNames"], f"{at}.domainNames"):
                chosen |= population.select_name(HostName(str(name).rstrip(".")))
        else:
            chosen |= _pods(peer, at, population)
    return chosen


def _ports(given: Any, place: str) -> Ports:
    if given is None:
        return EVERY_PORT
    wanted = NO_PORTS
    for i, one in enumerate(expect_list(given, place)):
        at = f"{place}[{i}]"
        one = expect(one, ("tcp", "udp", "sctp", "destinationNamedPort"), at)
        if len(one) != 1:
            raise NotUnderstoodError(at, "takes exactly one field")
        ((key, value),) = one.items()
        if key == "destinationNamedPort":
            wanted |= Ports(NOTHING, tuple((str(value), protocol) for protocol in PROTOCOLS))
            continue
        port = expect(expect(value, ("destinationPort",), f"{at}.{key}").get("destinationPort"), ("number", "range"), f"{at}.{key}")
        span = expect(port.get("range"), ("start", "end"), f"{at}.{key}.destinationPort.range")
        wanted |= read_port(key.upper(), span.get("start", port.get("number")), span.get("end"), f"{at}.{key}.destinationPort")
    return wanted
