"""CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy, `cilium.io/v2`, as far as they are understood exactly.

Semantics: https://docs.cilium.io/en/stable/security/policy/language/. A policy isolates what it selects in a direction for which it has
rules, unless `enableDefaultDeny` says no. Deny rules win over all allow rules, those of NetworkPolicies too. A peer list that is present
but empty, and a rule `{}`, match nothing. CIDR rules match what is outside the cluster, never pods. Host names (`toFQDNs`) and entities
without an address are listed as peers outside, by name. Rules on requests (HTTP, Kafka, TLS, authentication) narrow traffic in ways that
are not judged here: such traffic is unknown. DNS rules narrow which names may be asked, not who may be reached: they count as a plain
allowance of the port.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .address import ALL_ADDRESSES
from .endpoint import HostName, Object
from .network_policy import read_block, read_cidr, read_port
from .population import NAME_LABEL, OUTSIDE, Choice, Peers, Population
from .port import PROTOCOLS
from .rule import EVERY_PORT, NO_PORTS, Action, Direction, Ports, Reason, Reference, Tiers, expect, expect_list, make_rules
from .selector import NotUnderstoodError, Requirement, Requirements, parse_selector

API = "cilium.io/v2"
NAMESPACE_KEY = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_SERVICE_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
_NAMED_ENTITIES = ("host", "remote-node", "kube-apiserver", "init", "health", "ingress", "unmanaged")
_SECTIONS = {
    "ingress": (Direction.Ingress, Action.Accept),
    "ingressDeny": (Direction.Ingress, Action.Deny),
    "egress": (Direction.Egress, Action.Accept),
    "egressDeny": (Direction.Egress, Action.Deny),
}
_PEERS = ("Endpoints", "Entities", "CIDR", "CIDRSet")
_NARROWING = ("rules", "terminatingTLS", "originatingTLS", "serverNames", "listener")


def read_cilium_policy(policy: Object, population: Population, tiers: Mapping[Direction, Tiers]) -> None:
    """Adds what `policy`, namespaced or clusterwide, means to `tiers`."""
    reference = Reference.to(policy)
    specs = [("spec", policy["spec"])] if policy.get("spec") else []
    specs += [(f"specs[{i}]", spec) for i, spec in enumerate(policy.get("specs") or ())]
    for place, spec in specs:
        _read_spec(spec, place, reference, population, tiers)


def _read_spec(spec: Any, root: str, reference: Reference, population: Population, tiers: Mapping[Direction, Tiers]) -> None:
    doubt = ""
    here = population.in_namespace.get(reference.namespace, 0) if reference.namespace else population.pods
    subjects = Choice.exactly(Peers(here))
    try:
        expect(spec, ("endpointSelector", "description", "labels", "enableDefaultDeny", *_SECTIONS), root)
        if "endpointSelector" not in spec:
            raise NotUnderstoodError(root, "has no endpointSelector")
        subjects &= _endpoints(spec["endpointSelector"], f"{root}.endpointSelector", reference.namespace, population)
    except NotUnderstoodError as error:
        doubt = str(error)
        if isinstance(spec, Mapping) and "nodeSelector" in spec:
            return  # about nodes, to which no pod policy applies; host network endpoints count as never restricted
    defaults = spec.get("enableDefaultDeny") or {}
    everyone = Choice.exactly(population.everyone)
    for direction, key in ((Direction.Ingress, "ingress"), (Direction.Egress, "egress")):
        if defaults.get(key, bool(spec.get(key) or spec.get(f"{key}Deny"))):
            isolate = Reason(reference, f"{root}.endpointSelector", Action.Isolate, direction, doubt)
            tiers[direction].isolating += make_rules(population, subjects, everyone, EVERY_PORT, isolate)
    for section, (direction, action) in _SECTIONS.items():
        target = tiers[direction].accepting if action is Action.Accept else tiers[direction].denying
        for i, rule in enumerate(spec.get(section) or ()):
            place, unclear = f"{root}.{section}[{i}]", doubt
            peers, wanted = everyone, EVERY_PORT
            try:
                peers, narrowed = _peers(rule, place, direction, reference.namespace, population)
                wanted, also_narrowed = _ports(rule.get("toPorts"), f"{place}.toPorts")
                unclear = unclear or narrowed or also_narrowed
            except NotUnderstoodError as error:
                peers, wanted, unclear = everyone, EVERY_PORT, unclear or str(error)
            target += make_rules(population, subjects, peers, wanted, Reason(reference, place, action, direction, unclear))


def _peers(rule: Any, place: str, direction: Direction, namespace: str, population: Population) -> tuple[Choice, str]:
    """The peers of one rule, and why it might match less than that."""
    way = "from" if direction is Direction.Ingress else "to"
    names = ("toFQDNs",) if direction is Direction.Egress else ()
    known = (*(f"{way}{kind}" for kind in _PEERS), *names, "toPorts", "authentication")
    rule = expect(rule, known, place)
    given = [key for key in rule if key not in ("toPorts", "authentication") and rule[key] is not None]
    if not given:
        everyone = population.everyone if rule.get("toPorts") else Peers()
        return Choice.exactly(everyone), _narrowed(rule, place)
    if len(given) > 1:
        raise NotUnderstoodError(place, f"combines {' and '.join(given)}, which a rule may not")
    chosen = Choice(Peers(), Peers())
    for key in given:
        for i, peer in enumerate(expect_list(rule[key], f"{place}.{key}")):
            at = f"{place}.{key}[{i}]"
            if key.endswith("Endpoints"):
                chosen |= _endpoints(peer, at, namespace, population)
            elif key.endswith("Entities"):
                chosen |= Choice.exactly(_entity(peer, at, population))
            elif key.endswith("CIDRSet"):
                chosen |= Choice.exactly(Peers(0, read_block(peer, at)))
            elif key.endswith("CIDR"):
                chosen |= Choice.exactly(Peers(0, read_cidr(peer, at)))
            else:
                name = expect(peer, ("matchName", "matchPattern"), at)
                for value in name.values():
                    chosen |= population.select_name(HostName(str(value).rstrip(".").lower()))
    return chosen, _narrowed(rule, place)


def _narrowed(rule: Mapping[str, Any], place: str) -> str:
    mode = (rule.get("authentication") or {}).get("mode", "disabled")
    return "" if mode == "disabled" else f"{place}.authentication: mutual authentication is not judged here"


def _entity(name: Any, place: str, population: Population) -> Peers:
    match name:
        case "all":
            return population.everyone
        case "world":
            return Peers(0, OUTSIDE)
        case "world-ipv4":
            return Peers(0, ALL_ADDRESSES & read_cidr("0.0.0.0/0", place))
        case "world-ipv6":
            return Peers(0, ALL_ADDRESSES & read_cidr("::/0", place))
        case "cluster":
            named = Peers(population.all_inside)
            for entity in _NAMED_ENTITIES:
                named |= population.select_name(HostName(entity)).sure
            return named
        case "host" | "remote-node":
            return Peers(population.host_network) | population.select_name(HostName(name)).sure
        case "none":
            return Peers()
        case _ if name in _NAMED_ENTITIES:
            return population.select_name(HostName(name)).sure
    raise NotUnderstoodError(place, f"{name!r} is not an entity that is known here")


def _endpoints(selector: Any, place: str, namespace: str, population: Population) -> Choice:
    """Cilium's selectors see labels of the pod, its namespace and its ServiceAccount alike; without a namespace they mean the policy's."""
    pod: list[Requirement] = []
    space: list[Requirement] = []
    account: list[Requirement] = []
    for key, operator, values in parse_selector(selector, place):
        bare = key.removeprefix("k8s:").removeprefix("k8s.").removeprefix("any:").removeprefix("any.")
        if bare == NAMESPACE_KEY:
            space.append(Requirement(NAME_LABEL, operator, values))
        elif bare.startswith(_NAMESPACE_LABELS):
            space.append(Requirement(bare.removeprefix(_NAMESPACE_LABELS), operator, values))
        elif bare == _SERVICE_ACCOUNT:
            account.append(Requirement("serviceAccount", operator, values))
        elif ":" in bare:
            raise NotUnderstoodError(place, f"label source of {key!r} is not known here")
        else:
            pod.append(Requirement(bare, operator, values))
    pods = population.select_pods(tuple(pod)) & _accounts(tuple(account), population)
    where = population.select_namespaces(tuple(space))
    if namespace and not space:
        where = Choice.exactly(Peers(population.in_namespace.get(namespace, 0)))
    return where & Choice.exactly(Peers(pods))


def _accounts(requirements: Requirements, population: Population) -> int:
    return population.select_accounts(requirements) if requirements else population.pods


def _ports(given: Any, place: str) -> tuple[Ports, str]:
    """The ports of one rule, and why it might match less than that."""
    if given is None:
        return EVERY_PORT, ""
    wanted, narrowed = NO_PORTS, ""
    for i, group in enumerate(expect_list(given, place)):
        at = f"{place}[{i}]"
        group = expect(group, ("ports", *_NARROWING), at)
        for key in _NARROWING:
            if group.get(key) and not (key == "rules" and set(group[key]) <= {"dns"}):
                what = "layer 7 rules are" if key == "rules" else f"{key} is"
                narrowed = f"{at}.{key}: {what} not judged here"
        listed = expect_list(group.get("ports"), f"{at}.ports")
        if not listed:
            wanted |= EVERY_PORT
        for j, one in enumerate(listed):
            one = expect(one, ("port", "endPort", "protocol"), f"{at}.ports[{j}]")
            wanted |= _port(one, f"{at}.ports[{j}]")
    return wanted, narrowed


def _port(one: Mapping[str, Any], place: str) -> Ports:
    protocol, given, last = one.get("protocol") or "ANY", str(one.get("port", "")), one.get("endPort") or None
    first: int | str | None = int(given) if given.isdigit() else given
    if first in (0, ""):
        first = None
    wanted = NO_PORTS
    for each in PROTOCOLS if protocol == "ANY" else (protocol,):
        wanted |= read_port(each, first, last, place)
    return wanted
