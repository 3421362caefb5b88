"""The proof: the plan's objects let through exactly what the spec asks for. Judged by the evaluator, not by the code that made them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from factory.errors import Finding
from factory.plan import Plan, controls, names
from factory.plan.network import find_listener
from factory.rules.rule import Problem, Rule, rule
from factory.spec import METADATA, Factory
from factory.spec.workload import Protocol

from .channel import Channel, Party, Reach, find_reach
from .objects import of_plan
from .reachability import Endpoint, HostName, say_ports
from .reachability.address import ALL_ADDRESSES, block
from .reachability.interval import NOTHING, Intervals
from .reachability.population import Peers
from .reachability.port import PROTOCOLS, ports
from .reachability.product import Product, subtract
from .witness import WORKLOAD

MOST = 25
"""Findings of one rule: where everything is open, the first of them say so."""

Ends = tuple[Party, Party]


@dataclass(frozen=True)
class Intent:
    """One communication that the spec asks for."""

    path: str
    source: Party
    destination: Party
    ports: Intervals


@dataclass(frozen=True)
class Proof:
    """A spec, and what its plan lets through."""

    factory: Factory
    reach: Reach

    @cached_property
    def intents(self) -> tuple[Intent, ...]:
        """All that the spec asks for, read from the spec alone."""
        return tuple(self._intents())

    def _intents(self) -> Iterator[Intent]:
        factory = self.factory
        for flow in factory.flows:
            listener = find_listener(factory, flow)
            wanted = ports(listener.protocol.value, listener.port, listener.port)
            for source in self.ends(flow.source):
                for destination in self.ends(flow.to):
                    yield Intent(f"flows[{flow.reference}]", source, destination, wanted)
        for workload in factory.workloads:
            for egress in workload.egress:
                wanted = ports(egress.protocol.value, egress.port, egress.port)
                to = HostName(egress.host) if egress.host is not None else _addresses(egress.cidr or "")
                for source in self.ends(workload.reference):
                    yield Intent(f"workloads[{workload.reference}].egress[{egress.reference}]", source, to, wanted)
        dns = factory.cluster.dns
        wanted = ports(Protocol.UDP.value, dns.port, dns.port) | ports(Protocol.TCP.value, dns.port, dns.port)
        resolvers = self._pods(dns.namespace, dns.pod_labels)
        for source in self.reach.parties.endpoints:
            if self.reach.governs(source):
                for resolver in resolvers:
                    yield Intent("cluster.dns", source, resolver, wanted)

    def ends(self, reference: str) -> tuple[Party, ...]:
        """Whom a reference of a flow means."""
        if "/" in reference:
            workload = self.factory.workload[reference]
            place = names.namespace(self.factory.name, workload.segment)
            return self._workloads.get((place, workload.name)) or (Endpoint(place, workload.name, kind=WORKLOAD),)
        peer = self.factory.peer[reference]
        return (_addresses(peer.cidr),) if peer.cidr is not None else self._pods(peer.namespace or "", peer.pod_labels)

    @cached_property
    def _workloads(self) -> dict[tuple[str, str], tuple[Endpoint, ...]]:
        """By namespace and name: whoever may bear the name, and what the plan itself runs under it."""
        found: defaultdict[tuple[str, str], list[Endpoint]] = defaultdict(list)
        for endpoint in filter(self.reach.governs, self.reach.parties.endpoints):
            name = endpoint.name if endpoint.kind == WORKLOAD else endpoint.service_account
            if endpoint.kind == WORKLOAD or endpoint.labels.get(names.WORKLOAD) == name:
                found[endpoint.namespace, name].append(endpoint)
        return {place: tuple(endpoints) for place, endpoints in found.items()}

    def _pods(self, namespace: str, labels: dict[str, str]) -> tuple[Endpoint, ...]:
        wanted = labels.items()
        return tuple(e for e in self._foreign[namespace] if wanted <= e.labels.items())

    @cached_property
    def _foreign(self) -> dict[str, list[Endpoint]]:
        found: defaultdict[str, list[Endpoint]] = defaultdict(list)
        for endpoint in self.reach.parties.endpoints:
            if not self.reach.governs(endpoint):
                found[endpoint.namespace].append(endpoint)
        return found

    @cached_property
    def asked(self) -> dict[Ends, Intervals]:
        """Ports by both ends, where neither is a range of addresses."""
        found: defaultdict[Ends, Intervals] = defaultdict(lambda: NOTHING)
        for intent in self.intents:
            if not (isinstance(intent.source, Intervals) or isinstance(intent.destination, Intervals)):
                found[intent.source, intent.destination] |= intent.ports
        return dict(found)

    @cached_property
    def asked_outside(self) -> dict[tuple[Endpoint, bool], list[Product]]:
        """Addresses and ports by the end inside, and whether it calls out."""
        found: defaultdict[tuple[Endpoint, bool], list[Product]] = defaultdict(list)
        for intent in self.intents:
            if isinstance(intent.destination, Intervals) and isinstance(intent.source, Endpoint):
                found[intent.source, True].append(_outside(intent.destination, intent.ports))
            elif isinstance(intent.source, Intervals) and isinstance(intent.destination, Endpoint):
                found[intent.destination, False].append(_outside(intent.source, intent.ports))
        return dict(found)

    @cached_property
    def open_outside(self) -> dict[tuple[Endpoint, bool, bool], list[Product]]:
        """What the policies let through, by the end inside, whether it calls out, and whether that is certain."""
        found: defaultdict[tuple[Endpoint, bool, bool], list[Product]] = defaultdict(list)
        for flow in self.reach.network.flows():
            for here, there, leaving in ((flow.source, flow.destination, True), (flow.destination, flow.source, False)):
                if addresses := there.peers.outside & ALL_ADDRESSES:
                    for endpoint in filter(self.reach.governs, here.endpoints()):
                        found[endpoint, leaving, flow.certain].append(_outside(addresses, flow.ports))
        return dict(found)


@rule(
    "ZT190",
    "What a flow asks for gets through",
    why="A flow that the plan's own policies block is an outage that no test of the spec shows.",
    fix="This is a fault of the plan, not of the spec: report it with this finding.",
    references=(controls.TENET_2, controls.CIS_NETWORK),
    waivable=False,
    over=Proof,
)
def find_blocked_flows(proof: Proof) -> Iterator[Problem]:
    for intent in proof.intents:
        source, destination = intent.source, intent.destination
        if isinstance(source, Intervals) or isinstance(destination, Intervals):
            inside, leaving = (source, True) if isinstance(source, Endpoint) else (destination, False)
            assert isinstance(inside, Endpoint)
            addresses = destination if isinstance(destination, Intervals) else source
            assert isinstance(addresses, Intervals)
            left = subtract([_outside(addresses, intent.ports)], proof.open_outside.get((inside, leaving, True), ()))
            if left:
                yield _blocked(proof, intent, left[0].ports, "")
            continue
        for place in _numbers(intent.ports):
            try:
                verdict = proof.reach.network.may_reach(source, destination, place % 65536, PROTOCOLS[place // 65536])
            except LookupError:
                yield _blocked(proof, intent, intent.ports, "no object of the plan stands for one of its ends")
                break
            if not verdict.allowed:
                said = "; ".join(verdict.unknown or map(str, verdict.reasons))
                yield _blocked(proof, intent, Intervals([(place, place)]), said)


@rule(
    "ZT191",
    "Nothing gets through that no flow asks for",
    why="A way through the network that nobody wrote is one that nobody reviews.",
    fix="This is a fault of the plan, not of the spec: report it with this finding.",
    references=(controls.TENET_2, controls.TENET_3, controls.NETWORK, controls.CIS_NETWORK),
    waivable=False,
    over=Proof,
)
def find_unasked_ways(proof: Proof) -> Iterator[Problem]:
    reach = proof.reach
    for flow in reach.network.flows():
        for source in flow.source.endpoints():
            destinations: list[Party] = [*flow.destination.endpoints(), *flow.destination.host_names()]
            for destination in destinations:
                if source != destination and (reach.governs(source) or reach.governs(destination)):
                    unasked = flow.ports - proof.asked.get((source, destination), NOTHING)
                    if unasked:
                        yield _unasked(proof, Channel(source, destination, unasked, flow.certain))
    for (endpoint, leaving, certain), found in proof.open_outside.items():
        for left in subtract(found, proof.asked_outside.get((endpoint, leaving), ())):
            ends: Ends = (endpoint, left.peers.outside) if leaving else (left.peers.outside, endpoint)
            yield _unasked(proof, Channel(*ends, left.ports, certain))


PROOF: tuple[Rule[Proof], ...] = (find_blocked_flows, find_unasked_ways)
"""The rules over a plan, by id."""


def prove(factory: Factory, plan: Plan) -> tuple[Finding, ...]:
    """What the plan's objects block or open against the spec: nothing, unless the planner is at fault.

    The spec must be free of dangling references: `factory.rules` finds them.
    """
    return prove_reach(factory, find_reach(of_plan(plan, factory.name)))


def prove_reach(factory: Factory, reach: Reach) -> tuple[Finding, ...]:
    """The same, of a plan that is judged already."""
    proof = Proof(factory, reach)
    return tuple(
        Finding(rule.id, problem.path, problem.problem, problem.fix or rule.fix, rule.severity[factory.posture])
        for rule in PROOF
        for problem in islice(rule(proof), MOST)
    )


def _blocked(proof: Proof, intent: Intent, missing: Intervals, reasons: str) -> Problem:
    say = proof.reach.say
    said = f"is blocked by its own plan: {say(intent.source)} may not reach {say(intent.destination)} on {say_ports(missing)}"
    return Problem(intent.path, f"{said} ({reasons})" if reasons else said)


def _unasked(proof: Proof, channel: Channel) -> Problem:
    say, verdict = proof.reach.say, proof.reach.judge(channel)
    because = proof.reach.because(verdict.reasons)
    said = "; ".join(map(str, verdict.reasons)) or "no policy restricts either end"
    may = "may" if channel.certain else "may perhaps"
    problem = f"opens more than the spec asks for: {say(channel.source)} {may} reach {say(channel.destination)}"
    return Problem(because[0].path if because else "segments", f"{problem} on {say_ports(channel.ports)} ({said})")


def _addresses(cidr: str) -> Intervals:
    """A range without the addresses at which clouds hand out credentials: no flow can ask for these."""
    found = block(cidr)
    for hole in METADATA:
        found -= block(hole)
    return found


def _outside(addresses: Intervals, numbers: Intervals) -> Product:
    return Product(Peers(1), Peers(0, addresses), numbers)


def _numbers(chosen: Intervals) -> Iterator[int]:
    for low, high in chosen:
        yield from range(low, high + 1)
