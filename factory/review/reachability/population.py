"""All who can talk, numbered, so that a set of them is one integer and a set of addresses beside it.

Outside the cluster there are addresses and host names, on one line of numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from .address import ALL_ADDRESSES, Block, address, block
from .endpoint import Endpoint, HostName, Object, Peer
from .interval import NOTHING, Intervals, Span
from .selector import LabelIndex, Requirements

NAME_LABEL = "kubernetes.io/metadata.name"  # set on every namespace by the API server
_FIRST_NAME = ALL_ADDRESSES.spans[-1][1] + 2  # host names begin where addresses end
ALL_NAMES = Intervals([(_FIRST_NAME, _FIRST_NAME + (1 << 32))])
OUTSIDE = ALL_ADDRESSES | ALL_NAMES


@dataclass(frozen=True, slots=True)
class Peers:
    """A set of endpoints (`inside`, one bit each) and of addresses and host names (`outside`)."""

    inside: int = 0
    outside: Intervals = NOTHING

    def __hash__(self) -> int:
        # An integer's hash is its remainder by 2**61 - 1, so single bits would have only 61 hashes.
        return hash((self.inside.bit_length(), self.inside, self.outside))

    def __or__(self, other: Peers) -> Peers:
        return Peers(self.inside | other.inside, self.outside | other.outside)

    def __and__(self, other: Peers) -> Peers:
        return Peers(self.inside & other.inside, self.outside & other.outside)

    def __sub__(self, other: Peers) -> Peers:
        return Peers(self.inside & ~other.inside, self.outside - other.outside)

    def __bool__(self) -> bool:
        return bool(self.inside) or bool(self.outside)

    def __contains__(self, place: Place) -> bool:
        return bool(self.inside >> place.bit & 1) if place.bit is not None else place.outside in self.outside


class Place(NamedTuple):
    """Where one peer stands: its bit inside, or its number outside."""

    bit: int | None = None
    outside: int = -1


class Choice(NamedTuple):
    """What a selector selects: for `sure`, and at most (`maybe` holds `sure` too)."""

    sure: Peers
    maybe: Peers

    @classmethod
    def exactly(cls, peers: Peers) -> Choice:
        return cls(peers, peers)

    def __or__(self, other: Choice) -> Choice:
        return Choice(self.sure | other.sure, self.maybe | other.maybe)

    def __and__(self, other: Choice) -> Choice:
        return Choice(self.sure & other.sure, self.maybe & other.maybe)


def bits(of: int) -> Iterator[int]:
    """The numbers of the bits that are set, ascending."""
    if of.bit_count() < 64:
        while of:
            low = of & -of
            yield low.bit_length() - 1
            of ^= low
    else:
        yield from (i for i, digit in enumerate(reversed(f"{of:b}")) if digit == "1")


class Population:
    """The endpoints and their namespaces, indexed once by label, port name and address."""

    def __init__(self, namespaces: Iterable[Object], endpoints: Iterable[Endpoint], pod_networks: Sequence[Block] = ()) -> None:
        self.members = tuple(dict.fromkeys(endpoints))
        self.all_inside = (1 << len(self.members)) - 1
        self.everyone = Peers(self.all_inside, OUTSIDE)
        self.names: list[HostName] = []
        self._bit = {e: i for i, e in enumerate(self.members)}

        self.pods = self.host_network = 0  # host network endpoints are beyond selectors and policies
        self.in_namespace: defaultdict[str, int] = defaultdict(int)
        self._labels, self._namespace_labels, self._accounts = LabelIndex(), LabelIndex(), LabelIndex()
        self._ports: defaultdict[tuple[str, str], defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._located: list[tuple[int, Intervals]] = []
        somewhere = NOTHING
        for network in pod_networks:
            somewhere |= block(network)
        for i, e in enumerate(self.members):
            one = 1 << i
            where = Intervals([(address(e.ip),) * 2]) if e.ip else NOTHING if e.host_network else somewhere
            if where:
                self._located.append((one, where))
            for port in e.ports:
                self._ports[port.name, port.protocol][port.number] |= one
            if e.host_network:
                self.host_network |= one
                continue
            self.pods |= one
            self.in_namespace[e.namespace] |= one
            self._labels.add(one, e.labels)
            self._accounts.add(one, {"serviceAccount": e.service_account})
        self._declared = 0
        labels = {n["metadata"]["name"]: n["metadata"].get("labels") or {} for n in namespaces}
        for space, inhabitants in self.in_namespace.items():
            self._namespace_labels.add(inhabitants, {**labels.get(space, {}), NAME_LABEL: space})
            if space in labels:
                self._declared |= inhabitants
        self.undeclared = tuple(sorted(name for name in self.in_namespace if name not in labels))
        self._selected: dict[tuple[str, Requirements], int] = {}
        self._at: dict[Intervals, Choice] = {}

    def select_pods(self, requirements: Requirements) -> int:
        """The pods of any namespace with these labels."""
        return self._select("pod", self._labels, requirements, self.pods)

    def select_accounts(self, requirements: Requirements) -> int:
        """The pods that run under this ServiceAccount, requirements being on the key `serviceAccount`."""
        return self._select("account", self._accounts, requirements, self.pods)

    def select_namespaces(self, requirements: Requirements) -> Choice:
        """The pods of the namespaces with these labels.

        Of a namespace that is not among the objects only the name is known: on other labels it may or may not be selected.
        """
        known = tuple(r for r in requirements if r.key == NAME_LABEL)
        among = self._declared if len(known) < len(requirements) else self.pods
        sure = self._select("namespace", self._namespace_labels, requirements, self.pods) & among
        if not self.undeclared:
            return Choice.exactly(Peers(sure))
        maybe = sure | self._select("namespace", self._namespace_labels, known, self.pods) & ~self._declared
        return Choice(Peers(sure), Peers(maybe))

    def _select(self, what: str, index: LabelIndex, requirements: Requirements, among: int) -> int:
        key = (what, requirements)
        if key not in self._selected:
            self._selected[key] = index.select(requirements, among)
        return self._selected[key]

    def select_addresses(self, addresses: Intervals) -> Choice:
        """The outside addresses, and the endpoints that are (sure) or could be (maybe) at one of them."""
        if addresses not in self._at:
            sure = maybe = 0
            for one, where in self._located:
                if where <= addresses:
                    sure |= one
                if where & addresses:
                    maybe |= one
            self._at[addresses] = Choice(Peers(sure, addresses), Peers(maybe, addresses))
        return self._at[addresses]

    def select_name(self, name: HostName) -> Choice:
        if name not in self.names:
            self.names.append(name)
        number = _FIRST_NAME + self.names.index(name)
        return Choice.exactly(Peers(0, Intervals([(number, number)])))

    def ports_named(self, name: str, protocol: str) -> Mapping[int, int]:
        """Port number to the endpoints (bits) that call it so."""
        return self._ports.get((name, protocol), {})

    def place(self, peer: Peer) -> Place:
        """Raises LookupError for an endpoint that is not part of the population."""
        if isinstance(peer, Endpoint):
            if peer not in self._bit:
                raise LookupError(f"{peer.kind} {peer} is not among the endpoints")
            return Place(self._bit[peer])
        if isinstance(peer, HostName):
            return Place(outside=_FIRST_NAME + (self.names.index(peer) if peer in self.names else len(self.names)))
        if isinstance(peer, (IPv4Address, IPv6Address)):
            return Place(outside=address(peer))
        raise TypeError(f"{peer!r} is more than one peer")

    def peers(self, of: Iterable[Peer]) -> Peers:
        """The set of these peers, blocks whole. Raises LookupError for an endpoint that is not part of the population."""
        inside = 0
        outside: list[Span] = []
        for peer in of:
            if isinstance(peer, Endpoint):
                inside |= 1 << (self.place(peer).bit or 0)
            elif isinstance(peer, HostName):
                outside += self.select_name(peer).sure.outside
            else:
                outside += block(str(peer) if isinstance(peer, Block) else f"{peer}/{peer.max_prefixlen}")
        return Peers(inside, Intervals(outside))

    def endpoints(self, inside: int) -> Iterator[Endpoint]:
        return (self.members[i] for i in bits(inside))

    def host_names(self, outside: Intervals) -> tuple[HostName, ...]:
        """The host names in a set of places outside, in the order in which policies name them; none when it holds all names."""
        if not self.names or outside >= ALL_NAMES:
            return ()
        return tuple(name for i, name in enumerate(self.names) if _FIRST_NAME + i in outside)
