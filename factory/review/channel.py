"""Channels: who may open connections to whom, pair by pair, as the policies together say it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address
from typing import NamedTuple

from factory.plan import Because

from .objects import Name, Objects, find_because
from .reachability import Direction, Endpoint, Flow, HostName, Network, Reason, Verdict
from .reachability.address import ALL_ADDRESSES, Address, Block, block, blocks, say_addresses
from .reachability.interval import NOTHING, Intervals
from .reachability.port import PROTOCOLS
from .witness import STRANGER, Parties, find_parties, say_endpoint

Party = Endpoint | Intervals | HostName
"""A pod, addresses outside, or a host name."""


EVERYBODY = "every pod"
"""Every pod in a namespace that the objects govern, whatever its labels."""


class Channel(NamedTuple):
    """`source` may open connections to `destination` on each of `ports`."""

    source: Party
    destination: Party
    ports: Intervals
    certain: bool = True
    """False: perhaps, since some policy is not understood."""


@dataclass(frozen=True)
class Reach:
    """Objects, everybody who could talk, and the verdict of the policies."""

    objects: Objects
    parties: Parties
    network: Network

    def only(self, direction: Direction) -> Reach:
        """What the policies let through at one end: what may leave, whoever takes it, or what may enter, whoever sends it."""
        return replace(self, network=self.network.only(direction))

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel with an end in a namespace that the objects govern, in the order of names."""
        return gather(self, self.network.flows())

    @cached_property
    def open(self) -> dict[tuple[Party, Party], Intervals]:
        """Ports by both ends, what is only perhaps open among them."""
        found: defaultdict[tuple[Party, Party], Intervals] = defaultdict(lambda: NOTHING)
        for channel in self.channels:
            found[channel.source, channel.destination] |= channel.ports
        return dict(found)

    @cached_property
    def channels_of(self) -> dict[Party, list[Channel]]:
        """The channels by each of their ends."""
        found: defaultdict[Party, list[Channel]] = defaultdict(list)
        for channel in self.channels:
            for end in (channel.source, channel.destination):
                found[end].append(channel)
        return dict(found)

    @cached_property
    def _foreign(self) -> frozenset[str]:
        return frozenset(body["metadata"]["name"] for body in self.parties.namespaces)

    def governs(self, party: Party) -> bool:
        """Whether it lives in a namespace that the objects govern, not only name."""
        return isinstance(party, Endpoint) and party.namespace not in self._foreign

    def say(self, party: Party) -> str:
        """`training/trainer`, `pods app=proxy in ingress-nginx`, `10.0.0.0/8`, `pypi.example`."""
        if isinstance(party, Endpoint):
            return say_endpoint(self.objects, party)
        return say_addresses(party) if isinstance(party, Intervals) else party.name

    def say_all(self, said: set[str]) -> tuple[str, ...]:
        """Parties in the order of names, those whom no policy names last; `every pod` where it is all of them."""
        return (EVERYBODY,) if said == self._everybody else tuple(sorted(said, key=lambda one: (one.startswith(STRANGER), one)))

    @cached_property
    def _everybody(self) -> set[str]:
        return {self.say(endpoint) for endpoint in self.parties.endpoints if self.governs(endpoint)}

    def judge(self, channel: Channel) -> Verdict:
        """The verdict on one packet of the channel: what makes it possible."""
        place = channel.ports.spans[0][0]
        protocol, number = PROTOCOLS[place // 65536], place % 65536 or 1
        return self.network.may_reach(_one(channel.source), _one(channel.destination), number, protocol)

    def has(self, channel: Channel) -> bool:
        """Whether both ends are known here."""
        ends = (channel.source, channel.destination)
        return all(not isinstance(end, Endpoint) or end in self._known for end in ends)

    @cached_property
    def _known(self) -> frozenset[Endpoint]:
        return frozenset(self.parties.endpoints)

    def because(self, reasons: Sequence[Reason]) -> tuple[Because, ...]:
        """The reasons of the objects that made a verdict, each once."""
        bodies = (self.objects.by_name.get(self.named(reason)) for reason in reasons)
        return tuple(dict.fromkeys(because for body in bodies if body is not None and (because := find_because(body)) is not None))

    def named(self, reason: Reason) -> Name:
        """The object of a reason."""
        kind, namespace, name = reason.object
        group = str(self.network.objects[reason.object]["apiVersion"]).rpartition("/")[0]
        return Name(group, kind, namespace, name)


def find_reach(objects: Objects, *others: Objects) -> Reach:
    """What the policies among the objects let through. Witnesses are taken from the selectors of `others` too."""
    parties = find_parties(objects, *others)
    return Reach(objects, parties, Network((*objects.bodies, *parties.namespaces), parties.endpoints))


def _one(party: Party) -> Endpoint | HostName | Address | Block:
    if isinstance(party, Intervals):
        first = next(iter(blocks(party)))
        return first.network_address
    return party


def gather(reach: Reach, flows: Iterable[Flow]) -> tuple[Channel, ...]:
    """The channels of some flows that have an end in a namespace which the objects govern, in the order of names."""
    inside: defaultdict[tuple[Party, Party, bool], Intervals] = defaultdict(lambda: NOTHING)
    outside: defaultdict[tuple[bool, Endpoint, Intervals, bool], Intervals] = defaultdict(lambda: NOTHING)
    for flow in flows:
        sources, destinations = list(flow.source.endpoints()), list(flow.destination.endpoints())
        for one in sources:
            for other in destinations:
                if one != other and (reach.governs(one) or reach.governs(other)):
                    inside[one, other, flow.certain] |= flow.ports
        for leaving, here, there in ((True, sources, flow.destination), (False, destinations, flow.source)):
            addresses = there.peers.outside & ALL_ADDRESSES
            for endpoint in filter(reach.governs, here):
                if addresses:
                    outside[leaving, endpoint, flow.ports, flow.certain] |= addresses
                for name in there.host_names():
                    inside[endpoint, name, flow.certain] |= flow.ports
    channels = [Channel(one, other, ports, certain) for (one, other, certain), ports in inside.items()]
    for (leaving, endpoint, ports, certain), addresses in outside.items():
        ends: tuple[Party, Party] = (endpoint, addresses) if leaving else (addresses, endpoint)
        channels.append(Channel(*ends, ports, certain))
    return tuple(sorted(channels, key=lambda c: (reach.say(c.destination), reach.say(c.source), c.ports.spans)))


def addresses_of(cidr: str) -> Intervals:
    """The addresses of a CIDR block, or the one address. Raises ValueError for anything else."""
    return block(cidr if "/" in cidr else f"{cidr}/{ip_address(cidr).max_prefixlen}")
