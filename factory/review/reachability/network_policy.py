"""NetworkPolicy, `networking.k8s.io/v1`: additive allow rules that isolate the pods they select.

Semantics: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/. A list that is absent or empty in
`from`, `to` or `ports` means all; an absent or empty `ingress` or `egress` means none; `- {}` means all traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .address import block
from .endpoint import Object
from .interval import NOTHING, Intervals
from .population import Choice, Peers, Population
from .port import LAST, PROTOCOLS, ports
from .rule import EVERY_PORT, NO_PORTS, Action, Direction, Ports, Reason, Reference, Tiers, expect, expect_list, make_rules
from .selector import NotUnderstoodError, parse_selector

API = "networking.k8s.io/v1"


def read_network_policy(policy: Object, population: Population, tiers: Mapping[Direction, Tiers]) -> None:
    """Adds what `policy` means to `tiers`."""
    reference = Reference.to(policy)
    here = population.in_namespace.get(reference.namespace, 0)
    doubt, subjects, directions = "", Choice.exactly(Peers(here)), list(Direction)
    spec = policy.get("spec") or {}
    try:
        expect(spec, ("podSelector", "policyTypes", "ingress", "egress"), "spec")
        selected = population.select_pods(parse_selector(spec.get("podSelector") or {}, "spec.podSelector"))
        subjects = Choice.exactly(Peers(here & selected))
        directions = _directions(spec)
    except NotUnderstoodError as error:
        doubt = str(error)
    for direction in directions:
        key, peers_key = ("ingress", "from") if direction is Direction.Ingress else ("egress", "to")
        isolate = Reason(reference, "spec.podSelector", Action.Isolate, direction, doubt)
        everyone = Choice.exactly(population.everyone)
        tiers[direction].isolating += make_rules(population, subjects, everyone, EVERY_PORT, isolate)
        try:
            rules = expect_list(spec.get(key), f"spec.{key}")
        except NotUnderstoodError as error:
            rules, doubt = [{}], str(error)
        for i, rule in enumerate(rules):
            place = f"spec.{key}[{i}]"
            peers, wanted, unclear = everyone, EVERY_PORT, doubt
            try:
                rule = expect(rule, (peers_key, "ports"), place)
                peers = _peers(rule.get(peers_key), f"{place}.{peers_key}", here, population)
                wanted = _ports(rule.get("ports"), f"{place}.ports")
            except NotUnderstoodError as error:
                peers, wanted, unclear = everyone, EVERY_PORT, str(error)
            reason = Reason(reference, place, Action.Accept, direction, unclear)
            tiers[direction].accepting += make_rules(population, subjects, peers, wanted, reason)


def _directions(spec: Mapping[str, Any]) -> list[Direction]:
    """Without policyTypes: ingress always, egress only if there are egress rules (an empty list is none)."""
    types = expect_list(spec.get("policyTypes"), "spec.policyTypes")
    for i, given in enumerate(types):
        if given not in tuple(Direction):
            raise NotUnderstoodError(f"spec.policyTypes[{i}]", f"{given!r} is neither Ingress nor Egress")
    if types:
        return [d for d in Direction if d in types]
    return [Direction.Ingress, Direction.Egress] if spec.get("egress") else [Direction.Ingress]


def _peers(given: Any, place: str, here: int, population: Population) -> Choice:
    if not expect_list(given, place):
        return Choice.exactly(population.everyone)
    chosen = Choice(Peers(), Peers())
    for i, peer in enumerate(given):
        at = f"{place}[{i}]"
        peer = expect(peer, ("podSelector", "namespaceSelector", "ipBlock"), at)
        by_pod, by_namespace, by_address = peer.get("podSelector"), peer.get("namespaceSelector"), peer.get("ipBlock")
        if by_address is not None:
            if by_pod is not None or by_namespace is not None:
                raise NotUnderstoodError(at, "ipBlock stands alone: it cannot be combined with a selector")
            chosen |= population.select_addresses(read_block(by_address, f"{at}.ipBlock"))
        elif by_pod is None and by_namespace is None:
            raise NotUnderstoodError(at, "no peer given: write podSelector, namespaceSelector or ipBlock")
        else:
            pods = population.pods if by_pod is None else population.select_pods(parse_selector(by_pod, f"{at}.podSelector"))
            where = Choice.exactly(Peers(here))
            if by_namespace is not None:
                where = population.select_namespaces(parse_selector(by_namespace, f"{at}.namespaceSelector"))
            chosen |= where & Choice.exactly(Peers(pods))
    return chosen


def read_block(given: Any, place: str) -> Intervals:
    """A CIDR block with its exceptions: `{cidr, except}`. Raises NotUnderstoodError."""
    given = expect(given, ("cidr", "except"), place)
    inside = read_cidr(given.get("cidr"), f"{place}.cidr")
    for i, exception in enumerate(expect_list(given.get("except"), f"{place}.except")):
        inside -= read_cidr(exception, f"{place}.except[{i}]")
    return inside


def read_cidr(given: Any, place: str) -> Intervals:
    """One CIDR block. Raises NotUnderstoodError."""
    try:
        return block(str(given))
    except ValueError as error:
        raise NotUnderstoodError(place, f"not a CIDR block such as 10.0.0.0/8: {error}") from None


def _ports(given: Any, place: str) -> Ports:
    if not expect_list(given, place):
        return EVERY_PORT
    wanted = NO_PORTS
    for i, one in enumerate(given):
        at = f"{place}[{i}]"
        one = expect(one, ("protocol", "port", "endPort"), at)
        wanted |= read_port(one.get("protocol") or "TCP", one.get("port"), one.get("endPort"), at)
    return wanted


def read_port(protocol: str, first: Any, last: Any, place: str) -> Ports:
    """One port, port range or port name; without `first`, all ports of `protocol`. Raises NotUnderstoodError."""
    if protocol not in PROTOCOLS:
        raise NotUnderstoodError(f"{place}.protocol", f"{protocol!r} is not one of {', '.join(PROTOCOLS)}")
    if isinstance(first, str) and not first.isdigit() and last is None:
        return Ports(NOTHING, ((first, protocol),))
    if first is None and last is None:
        return Ports(ports(protocol))
    last = first if last is None else last
    if not isinstance(first, int) or not isinstance(last, int) or not 1 <= first <= last <= LAST:
        span = f"{first!r}" if first == last else f"{first!r} to {last!r}"
        raise NotUnderstoodError(place, f"{span} is neither a port between 1 and {LAST}, nor an ascending range, nor a port name")
    return Ports(ports(protocol, first, last))
