"""May A reach B on P, and who may reach whom on what: the verdict of all policies together, for one question or for all by sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from . import cilium_network_policy, cluster_network_policy, network_policy
from .address import ALL_ADDRESSES, Address, Block, block, blocks, say_addresses
from .endpoint import Endpoint, HostName, Object, Peer, find_endpoints
from .interval import Intervals
from .population import OUTSIDE, Peers, Place, Population, bits
from .port import ALL_PORTS, port, say_ports
from .product import Product, merge, subtract
from .rule import NONSENSE, Action, Direction, Reason, Reference, Rule, Tiers, doubt_everything


class Reach(StrEnum):
    """Whether traffic gets through. What a policy says that is not understood makes `Unknown`, which is never as good as either."""

    Allowed = "Allowed"
    Denied = "Denied"
    Unknown = "Unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one question.

    `egress` and `ingress` are the objects that decided at the source and at the destination; an empty tuple means that no policy applies
    there, which allows. `unknown` says in words what was not understood; it is not empty exactly when `reach` is Unknown.
    """

    reach: Reach
    egress: tuple[Reason, ...]
    ingress: tuple[Reason, ...]
    unknown: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """True only if certain."""
        return self.reach is Reach.Allowed

    @property
    def denied(self) -> bool:
        """True only if certain."""
        return self.reach is Reach.Denied

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.egress + self.ingress

    def __str__(self) -> str:
        ends = ((self.egress, "egress"), (self.ingress, "ingress"))
        said = [str(r) for reasons, _ in ends for r in reasons] + [f"no policy restricts {way}" for reasons, way in ends if not reasons]
        return f"{self.reach}: {'; '.join(said)}"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a flow: a set of endpoints, addresses and host names."""

    peers: Peers
    population: Population

    def endpoints(self) -> Iterator[Endpoint]:
        return self.population.endpoints(self.peers.inside)

    def blocks(self) -> tuple[Block, ...]:
        """The CIDR blocks outside, exceptions taken out."""
        return tuple(blocks(self.peers.outside & ALL_ADDRESSES))

    def host_names(self) -> tuple[HostName, ...]:
        return self.population.host_names(self.peers.outside)

    def __contains__(self, peer: Peer) -> bool:
        return self.population.place(peer) in self.peers

    def __str__(self) -> str:
        everybody = self.peers.inside == self.population.all_inside and self.population.all_inside
        said = ["every endpoint"] if everybody else [str(e) for e in self.endpoints()]
        if addresses := self.peers.outside & ALL_ADDRESSES:
            said.append(say_addresses(addresses))
        return ", ".join(said + [f"host name {name}" for name in self.host_names()])


@dataclass(frozen=True, slots=True)
class Flow:
    """Every source may reach every destination on every one of the ports; if not `certain`, perhaps: that part is Unknown."""

    source: End
    destination: End
    ports: Intervals
    certain: bool = True

    def __contains__(self, question: tuple[Peer, Peer, int, str]) -> bool:
        source, destination, number, protocol = question
        return port(number, protocol) in self.ports and source in self.source and destination in self.destination

    @classmethod
    def of(cls, product: Product, population: Population, *, certain: bool = True) -> Flow:
        return cls(End(product.subjects, population), End(product.peers, population), product.ports, certain)

    @property
    def product(self) -> Product:
        return Product(self.source.peers, self.destination.peers, self.ports)

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} on {say_ports(self.ports)}{'' if self.certain else ' (unknown)'}"


class Network:
    """Namespaces, policies and endpoints, compiled once. The order of the objects is irrelevant.

    `objects` are plain Kubernetes objects as from YAML: Namespace, NetworkPolicy, ClusterNetworkPolicy, CiliumNetworkPolicy and
    CiliumClusterwideNetworkPolicy count, a policy kind that is not known makes everything unknown, other kinds are passed over.
    `endpoints` are by default the Pods and workloads among the objects. An address block selects what is outside, and endpoints whose
    `ip` is in it. `pod_networks` are the blocks from which pods without a known `ip` get theirs: a block that overlaps them selects such
    pods perhaps, one that covers them surely; without `pod_networks` no block selects them, as the API's documentation advises to assume.

    Not modelled, because no policy governs it: a node may always reach the pods that run on it; protocols other than TCP, UDP and SCTP.
    """

    def __init__(self, objects: Iterable[Object], endpoints: Iterable[Endpoint] | None = None, pod_networks: Sequence[Block] = ()) -> None:
        objects = sorted(objects, key=Reference.to)
        namespaces = [o for o in objects if o.get("kind") == "Namespace" and o.get("apiVersion") == "v1"]
        given = find_endpoints(objects) if endpoints is None else endpoints
        given = sorted(given, key=lambda e: (e.namespace, e.name, e.kind))
        self.objects: dict[Reference, Object] = {}
        self.population = Population(namespaces, given, pod_networks)
        self.endpoints = self.population.members
        self._tiers = {direction: Tiers() for direction in Direction}
        of_cluster = []
        for o in objects:
            kind = str(o.get("kind"))
            if o.get("apiVersion") == cluster_network_policy.API and kind == "ClusterNetworkPolicy":
                of_cluster.append(o)
            elif kind.endswith("NetworkPolicy"):
                self._read(o, _READERS.get((o.get("apiVersion"), kind)))
            else:
                continue
            self.objects[Reference.to(o)] = o
        cluster_network_policy.read_cluster_network_policies(of_cluster, self.population, self._tiers)

    def _read(self, policy: Object, reader: Reader | None) -> None:
        if reader is None:
            doubt_everything(policy, f"{policy['kind']} of {policy.get('apiVersion')} is not known here", self.population, self._tiers)
            return
        try:
            reader(policy, self.population, self._tiers)
        except NONSENSE as error:
            doubt_everything(policy, f"it is not shaped as its API says: {error}", self.population, self._tiers)

    @cached_property
    def _index(self) -> dict[Direction, dict[int, Tiers]]:
        return {direction: _index(tiers) for direction, tiers in self._tiers.items()}

    @property
    def unknown(self) -> tuple[Reason, ...]:
        """Everything in the policies that is not judged exactly, whether or not it decides any verdict."""
        found = {
            rule.reason: None
            for tiers in self._tiers.values()
            for rules in (tiers.admin, tiers.denying, tiers.isolating, tiers.accepting, tiers.baseline)
            for rule in rules
            if not rule.certain
        }
        return tuple(sorted(found, key=str))

    # One question

    def may_reach(self, source: Peer, destination: Peer, number: int | str, protocol: str = "TCP") -> Verdict:
        """May `source` open a connection to `destination` on a port, or on the port that the destination calls by that name?

        A CIDR block as a peer asks for any of its addresses: Allowed if one is, Denied only if all are. An address is a place outside,
        whether or not an endpoint has it: for the endpoint ask by the endpoint. Raises LookupError for an endpoint
        that the network does not have and for a port name that the destination does not have, ValueError for a port that cannot exist.
        """
        if isinstance(number, str):
            place = self.population.place(destination) if isinstance(destination, Endpoint) else None
            listed = () if place is None or place.bit is None else self.population.members[place.bit].ports
            named = [p.number for p in listed if (p.name, p.protocol) == (number, protocol)]
            if not named:
                raise LookupError(f"{destination} has no {protocol} port named {number!r}")
            return self.may_reach(source, destination, named[0], protocol)
        at = port(number, protocol)
        if isinstance(source, Endpoint) and source == destination and source.kind == "Pod":
            self.population.place(source)
            return Verdict(Reach.Allowed, (), ())
        verdicts = [
            self._judge(start, end, at)
            for start in self._places(source, Direction.Ingress)
            for end in self._places(destination, Direction.Egress)
        ]
        for reach in (Reach.Allowed, Reach.Unknown):
            for verdict in verdicts:
                if verdict.reach is reach:
                    return verdict
        return verdicts[0]

    def _places(self, peer: Peer, direction: Direction) -> Iterator[Place]:
        """One place for a peer, or for a block one in each part of it that some rule treats in its own way."""
        if isinstance(peer, (Endpoint, Address, HostName)):
            yield self.population.place(peer)
            return
        inside = block(peer)
        ((first, last),) = inside.spans
        starts = {first}
        tiers = self._tiers[direction]
        for rule in (*tiers.admin, *tiers.denying, *tiers.accepting, *tiers.baseline):
            for low, high in rule.peers.outside:
                starts.update(n for n in (low, high + 1) if first < n <= last)
        for start in sorted(starts):
            yield Place(outside=start)

    def _judge(self, source: Place, destination: Place, at: int) -> Verdict:
        can_leave, leaving = self._decide(Direction.Egress, source, destination, at)
        can_enter, entering = self._decide(Direction.Ingress, destination, source, at)
        if can_leave == {False} or can_enter == {False}:
            reach = Reach.Denied
        elif can_leave == can_enter == {True}:
            reach = Reach.Allowed
        else:
            reach = Reach.Unknown
        doubts = tuple(str(r) for r in (*leaving, *entering) if r.doubt) if reach is Reach.Unknown else ()
        return Verdict(reach, leaving, entering, doubts)

    def _decide(self, direction: Direction, subject: Place, peer: Place, at: int) -> tuple[set[bool], tuple[Reason, ...]]:
        """The possible outcomes at one end, one if certain, and what led to them."""
        tiers = self._index[direction].get(subject.bit if subject.bit is not None else -1)
        if tiers is None:
            return {True}, ()
        outcomes: set[bool] = set()
        doubts: list[Reason] = []

        def matching(rules: Iterable[Rule]) -> Iterator[Rule]:
            """The certain rules that match; of the others the outcomes are noted."""
            for rule in rules:
                if at in rule.ports and peer in rule.peers:
                    if rule.certain:
                        yield rule
                    else:
                        doubts.append(rule.reason)
                        outcomes.update(_POSSIBLE[rule.reason.action])

        def result(outcome: bool, *reasons: Reason) -> tuple[set[bool], tuple[Reason, ...]]:
            possible = outcomes | {outcome}
            return possible, (*passed, *reasons, *(doubts if len(possible) > 1 else ()))

        passed: list[Reason] = []
        for rule in matching(tiers.admin):
            if rule.action is not Action.Pass:
                return result(rule.action is Action.Accept, rule.reason)
            passed.append(rule.reason)
            break
        denying = [rule.reason for rule in matching(tiers.denying)]
        if denying:
            return result(False, *denying)
        accepting = [rule.reason for rule in matching(tiers.accepting)]
        if accepting:
            return result(True, *accepting)
        isolating = [rule.reason for rule in matching(tiers.isolating)]
        if isolating:
            return result(False, *isolating)
        for rule in matching(tiers.baseline):
            return result(rule.action is not Action.Deny, rule.reason)
        return result(True)

    # All questions at once

    def flows(self) -> tuple[Flow, ...]:
        """All traffic that is allowed, then all that is perhaps, as few products of sets; nothing else is allowed.

        Left out: traffic of a pod to itself, which is always allowed, and between two places outside, which is none of the cluster's.
        """
        return self._flows

    @cached_property
    def _flows(self) -> tuple[Flow, ...]:
        allowed = self._meet(generous=False)
        perhaps = subtract(self._meet(generous=True), allowed) if self.unknown else []
        said = ((True, allowed), (False, perhaps))
        return tuple(Flow.of(p, self.population, certain=certain) for certain, products in said for p in products)

    def only(self, direction: Direction) -> Network:
        """What may leave, whoever takes it, or what may enter, whoever sends it: the same network with the rules of one end alone."""
        half = copy(self)
        half._tiers = {each: tiers if each is direction else Tiers() for each, tiers in self._tiers.items()}
        for computed in ("_index", "_flows"):
            vars(half).pop(computed, None)
        return half

    def flow(self, sources: Iterable[Peer], destinations: Iterable[Peer], ports: Intervals) -> Flow:
        """A flow as somebody intends it, to be set against those that there are; `ports` by `port.ports`."""
        product = Product(self.population.peers(sources), self.population.peers(destinations), ports)
        return Flow.of(product, self.population)

    def reasons(self, flow: Flow) -> tuple[Reason, ...]:
        """Every rule that has a part in letting a flow through, at either end; none where no policy restricts it."""
        found: dict[Reason, None] = {}
        ends = ((Direction.Egress, flow.source, flow.destination), (Direction.Ingress, flow.destination, flow.source))
        for direction, subject, peer in ends:
            for bit in bits(subject.peers.inside):
                tiers = self._index[direction].get(bit, _NO_TIERS)
                for rule in (*tiers.admin, *tiers.accepting, *tiers.baseline):
                    lets_through = rule.action is Action.Accept if rule.certain else not flow.certain
                    if lets_through and rule.ports & flow.ports and rule.peers & peer.peers:
                        found[rule.reason] = None
        return tuple(found)

    def _meet(self, *, generous: bool) -> list[Product]:
        """What may both leave its source and enter its destination: products of sources and destinations."""
        leaving = merge(self._allowed(Direction.Egress, generous=generous))
        entering = merge(self._allowed(Direction.Ingress, generous=generous))
        into: defaultdict[int, list[int]] = defaultdict(list)
        for i, product in enumerate(entering):
            for bit in bits(product.subjects.inside):
                into[bit].append(i)
        into_outside = [i for i, product in enumerate(entering) if product.subjects.outside]
        met: list[Product] = []
        for out in leaving:
            candidates: Iterable[int]
            if out.peers.inside.bit_count() * 4 > len(entering):
                candidates = range(len(entering))
            else:
                candidates = {i for bit in bits(out.peers.inside) for i in into.get(bit, ())}
                if out.peers.outside:
                    candidates = sorted(candidates.union(into_outside))
            for i in candidates:
                product = entering[i]
                sources, destinations = out.subjects & product.peers, out.peers & product.subjects
                if not sources or not destinations:
                    continue
                ports = out.ports & product.ports
                if not ports:
                    continue
                sources = Peers(sources.inside, sources.outside & ALL_ADDRESSES)
                if sources.outside and destinations.outside:
                    met += filter(None, (Product(Peers(sources.inside), destinations, ports),))
                    sources, destinations = Peers(0, sources.outside), Peers(destinations.inside)
                if sources and destinations:
                    met.append(Product(sources, destinations, ports))
        return merge(met)

    def _allowed(self, direction: Direction, *, generous: bool) -> list[Product]:
        """What may pass one end; `generous` takes every doubt for yes, else for no."""
        tiers, population = self._tiers[direction], self.population
        accepted, denied = _first_match(tiers.admin, generous=generous)
        _, refused = _first_match(tiers.baseline, generous=generous)
        isolated = 0
        for rule in tiers.isolating:
            if rule.certain or not generous:
                isolated |= rule.subjects
        free = Peers(population.all_inside & ~isolated, OUTSIDE)
        allowed = subtract([Product(free, population.everyone, ALL_PORTS)] if free else [], refused)
        allowed += (_product(rule) for rule in tiers.accepting if rule.certain or generous)
        denied += (_product(rule) for rule in tiers.denying if rule.certain or not generous)
        return accepted + subtract(allowed, denied)


def beyond(flows: Iterable[Flow], these: Iterable[Flow]) -> tuple[Flow, ...]:
    """What of `flows` is in none of `these`, all of one network.

    `beyond(network.flows(), intended)` is what nobody asked for; `beyond(intended, [f for f in network.flows() if f.certain])` is blocked.
    """
    flows, cuts = tuple(flows), [flow.product for flow in these]
    return tuple(
        Flow.of(product, flows[0].source.population, certain=certain)
        for certain in (True, False)
        for product in subtract([flow.product for flow in flows if flow.certain is certain], cuts)
    )


Reader = Callable[[Object, Population, Mapping[Direction, Tiers]], None]
_READERS: Mapping[tuple[object, str], Reader] = {
    (network_policy.API, "NetworkPolicy"): network_policy.read_network_policy,
    (cilium_network_policy.API, "CiliumNetworkPolicy"): cilium_network_policy.read_cilium_policy,
    (cilium_network_policy.API, "CiliumClusterwideNetworkPolicy"): cilium_network_policy.read_cilium_policy,
}
_NO_TIERS = Tiers()
_POSSIBLE: Mapping[Action, set[bool]] = {
    Action.Accept: {True},
    Action.Deny: {False},
    Action.Isolate: {False},
    Action.Pass: {True, False},
}


def _index(tiers: Tiers) -> dict[int, Tiers]:
    """The rules of each subject; of a subject that no policy selects, none."""
    index: defaultdict[int, Tiers] = defaultdict(Tiers)
    for name in ("admin", "isolating", "denying", "accepting", "baseline"):
        for rule in getattr(tiers, name):
            for bit in bits(rule.subjects):
                getattr(index[bit], name).append(rule)
    return dict(index)


def _product(rule: Rule) -> Product:
    return Product(Peers(rule.subjects), rule.peers, rule.ports)


def _first_match(rules: Iterable[Rule], *, generous: bool) -> tuple[list[Product], list[Product]]:
    """What ordered rules accept and what they deny, each rule less what an earlier one decided."""
    accepted: list[Product] = []
    denied: list[Product] = []
    seen: list[tuple[Action, Product]] = []
    for rule in rules:
        action = rule.action
        if not rule.certain:
            if generous not in _POSSIBLE[action]:
                continue
            action = Action.Accept if generous else Action.Deny
        product = _product(rule)
        left = subtract([product], [earlier for other, earlier in seen if other is not action])
        if action is Action.Accept:
            accepted += left
        elif action is Action.Deny:
            denied += left
        seen.append((action, product))
    return accepted, denied
