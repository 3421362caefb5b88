"""Channels: who may open connections to whom, pair by pair, as the policies together say it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import NamedTuple

from factory.plan import Because

from .objects import Name, Objects, find_because
from .reachability import Endpoint, HostName, Network, Reason, Verdict
from .reachability.address import ALL_ADDRESSES, Address, Block, block, blocks, say_addresses
from .reachability.interval import NOTHING, Intervals
from .reachability.port import PROTOCOLS
from .witness import Parties, find_parties, say_endpoint

Party = Endpoint | Intervals | HostName
"""A pod, addresses outside, or a host name."""


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

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel with an end in a namespace that the objects govern, in the order of names."""
        return tuple(sorted(self._channels(), key=lambda c: (self.say(c.destination), self.say(c.source), c.ports.spans)))

    def _channels(self) -> Iterator[Channel]:
        inside: defaultdict[tuple[Party, Party, bool], Intervals] = defaultdict(lambda: NOTHING)
        outside: defaultdict[tuple[bool, Endpoint, Intervals, bool], Intervals] = defaultdict(lambda: NOTHING)
        for flow in self.network.flows():
            sources, destinations = list(flow.source.endpoints()), list(flow.destination.endpoints())
            for one in sources:
                for other in destinations:
                    if one != other and (self.governs(one) or self.governs(other)):
                        inside[one, other, flow.certain] |= flow.ports
            for leaving, here, there in ((True, sources, flow.destination), (False, destinations, flow.source)):
                addresses = there.peers.outside & ALL_ADDRESSES
                for endpoint in filter(self.governs, here):
                    if addresses:
                        outside[leaving, endpoint, flow.ports, flow.certain] |= addresses
                    for name in there.host_names():
                        inside[endpoint, name, flow.certain] |= flow.ports
        for (source, destination, certain), ports in inside.items():
            yield Channel(source, destination, ports, certain)
        for (leaving, endpoint, ports, certain), addresses in outside.items():
            yield Channel(endpoint, addresses, ports, certain) if leaving else Channel(addresses, endpoint, ports, certain)

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

    def judge(self, channel: Channel) -> Verdict:
        """The verdict on one packet of the channel: what makes it possible."""
        place = channel.ports.spans[0][0]
        protocol, number = PROTOCOLS[place // 65536], place % 65536 or 1
        return self.network.may_reach(_one(channel.source), _one(channel.destination), number, protocol)

    def because(self, reasons: Sequence[Reason]) -> tuple[Because, ...]:
        """The reasons of the objects that made a verdict, each once."""
        bodies = (self.objects.by_name.get(self._named(reason)) for reason in reasons)
        return tuple(dict.fromkeys(because for body in bodies if body is not None and (because := find_because(body)) is not None))

    def _named(self, reason: Reason) -> Name:
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


def addresses_of(cidr: str) -> Intervals:
    """The addresses of a CIDR block, or the one address. Raises ValueError for anything else."""
    return block(cidr if "/" in cidr else f"{cidr}/{ip_address(cidr).max_prefixlen}")
