"""Explanations: who may reach whom, who may do what, what touches which data, each with the objects and the words that cause it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from factory.errors import did_you_mean, listed
from factory.plan import Because

from .channel import Channel, Party, Reach, addresses_of
from .objects import ReviewError
from .reachability import Action, Direction, Endpoint, HostName, Reason, Verdict, say_ports
from .reachability.interval import Intervals
from .reachability.port import PROTOCOLS, port
from .witness import WITNESS


@dataclass(frozen=True)
class Passage:
    """Some sources that may reach one destination on the same ports, for the same reason."""

    sources: tuple[str, ...]
    destination: str
    ports: str
    certain: bool
    by: tuple[str, ...]
    """What the objects say: `NetworkPolicy helix-training/in-store.features.from.… spec.ingress[0] allows ingress`."""
    because: tuple[Because, ...]


def explain_reach(reach: Reach) -> tuple[Passage, ...]:
    """All that is allowed; everything else is denied. What holds for many sources alike is one passage."""
    passages: defaultdict[tuple[str, str, tuple[Because, ...], bool], list[tuple[str, Verdict]]] = defaultdict(list)
    for channel in reach.channels:
        verdict = reach.judge(channel)
        key = reach.say(channel.destination), say_ports(channel.ports), reach.because(verdict.reasons), channel.certain
        passages[key].append((reach.say(channel.source), verdict))
    return tuple(
        Passage(reach.say_all({source for source, _ in said}), destination, ports, certain, _by([verdict for _, verdict in said]), because)
        for (destination, ports, because, certain), said in passages.items()
    )


def _by(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    said = dict.fromkeys(text for verdict in verdicts for text in say_reasons(verdict))
    return tuple(said)


def say_reasons(verdict: Verdict) -> tuple[str, ...]:
    """What decided at the source, then at the destination."""
    return _say_ends(verdict.egress, verdict.ingress)


def _say_ends(egress: Sequence[Reason], ingress: Sequence[Reason]) -> tuple[str, ...]:
    ends = ((egress, Direction.Egress), (ingress, Direction.Ingress))
    return tuple(
        text
        for reasons, direction in ends
        for text in ([str(reason) for reason in reasons] or [f"no policy restricts {direction.lower()} there"])
    )


@dataclass(frozen=True)
class Answer:
    """May one reach the other?"""

    source: str
    destination: str
    port: str
    verdict: Verdict
    by: tuple[str, ...]
    """What decided at the source, then at the destination. Of policies that refuse, those that are there for that."""
    because: tuple[Because, ...]


def answer(reach: Reach, source: str, destination: str, port_wanted: str | None = None) -> tuple[Answer, ...]:
    """May `source` reach `destination` on a port (`8443`, `53/UDP`, or a listener's name), or without one on each port that matters?

    Without a port these are the allowed ones, else the destination's listeners, else TCP 443. Raises ReviewError for a party or port that
    nothing names.
    """
    ends = [(a, b) for a in find_party(reach, source) for b in find_party(reach, destination)]
    answers = []
    for a, b in ends:
        for number, protocol in _ports(reach, a, b, port_wanted):
            verdict = reach.judge(Channel(a, b, Intervals([(port(number, protocol),) * 2])))
            deciding = [_deciding(reach, verdict, reasons) for reasons in (verdict.egress, verdict.ingress)]
            because = reach.because([reason for reasons in deciding for reason in reasons])
            answers.append(Answer(reach.say(a), reach.say(b), f"{protocol} {number}", verdict, _say_ends(*deciding), because))
    return tuple(answers)


def _deciding(reach: Reach, verdict: Verdict, reasons: Sequence[Reason]) -> Sequence[Reason]:
    """Without policies that isolate only by the way, being there to allow something else: unless there are no others."""

    def also_allows(reason: Reason) -> bool:
        spec = reach.network.objects[reason.object].get("spec") or {}
        return reason.action is Action.Isolate and bool(spec.get(reason.direction.lower()))

    return reasons if verdict.allowed else [reason for reason in reasons if not also_allows(reason)] or reasons


def find_party(reach: Reach, name: str) -> tuple[Party, ...]:
    """Whom a name means: `training/trainer`, a peer of the spec, `namespace/pod`, an address, a CIDR block or a host name."""
    by_name = {reach.say(endpoint): endpoint for endpoint in reach.parties.endpoints}
    if name in by_name:
        return (by_name[name],)
    physical = [endpoint for endpoint in reach.parties.endpoints if f"{endpoint.namespace}/{endpoint.name}" == name]
    if physical:
        return tuple(physical)
    try:
        return (addresses_of(name),)
    except ValueError:
        pass
    factory = reach.objects.stack.factory if reach.objects.stack else None
    if factory and (peer := factory.peer.get(name)):
        if peer.cidr is not None:
            return (addresses_of(peer.cidr),)
        labels = dict(peer.pod_labels)
        found = tuple(e for e in reach.parties.endpoints if e.namespace == peer.namespace and e.labels == labels)
        return found or (Endpoint(peer.namespace or "", name, labels, kind=WITNESS),)
    if any(HostName(name) in (channel.source, channel.destination) for channel in reach.channels):
        return (HostName(name),)
    known = [text for text, endpoint in by_name.items() if endpoint.kind != WITNESS] + list(factory.peer if factory else ())
    raise ReviewError(f'"{name}" is nobody here. {did_you_mean(name, known) or "Name one of these:"} Known: {listed(known, limit=30)}.')


def _ports(reach: Reach, source: Party, destination: Party, wanted: str | None) -> list[tuple[int, str]]:
    if wanted is not None:
        return [_port(reach, destination, wanted)]
    allowed = [channel.ports for channel in reach.channels if _within(source, channel.source) and _within(destination, channel.destination)]
    found = [(low % 65536 or 1, PROTOCOLS[low // 65536]) for ports in allowed for low, _ in ports]
    if not found and isinstance(destination, Endpoint):
        found = [(named.number, named.protocol) for named in destination.ports]
    return sorted(set(found)) or [(443, "TCP")]


def _within(party: Party, other: Party) -> bool:
    if isinstance(party, Intervals):
        return isinstance(other, Intervals) and bool(party & other)
    return party == other


def _port(reach: Reach, destination: Party, wanted: str) -> tuple[int, str]:
    number, _, protocol = wanted.partition("/")
    if number.isdigit() and 1 <= int(number) <= 65535 and (protocol.upper() or "TCP") in PROTOCOLS:
        return int(number), protocol.upper() or "TCP"
    named = destination.ports if isinstance(destination, Endpoint) else ()
    for listener in named:
        if listener.name == wanted:
            return listener.number, listener.protocol
    known = listed(f"{listener.name} ({listener.number})" for listener in named)
    raise ReviewError(f'"{wanted}" is no port of {reach.say(destination)}. Write a number, "53/UDP" or the name of a listener: {known}.')
