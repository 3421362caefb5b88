"""What two networks differ in: who may now reach whom that could not before, and who no longer may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .address import ALL_ADDRESSES
from .network import Flow, Network
from .population import ALL_NAMES, Peers, Population, bits
from .product import Product, merge, subtract


class Change(NamedTuple):
    """Flows of the new network that the old one did not have, and the other way round. A doubt gained is a flow gained."""

    gained: tuple[Flow, ...]
    lost: tuple[Flow, ...]

    @property
    def verdict(self) -> str:
        """`widens` if anything is gained, else `narrows` or `neutral`: no loss makes up for a gain."""
        return "widens" if self.gained else "narrows" if self.lost else "neutral"


def compare(old: Network, new: Network) -> Change:
    """Sets the flows of two networks against each other. An endpoint is the same if its kind, namespace and name are, whatever its labels.

    Flows of an endpoint that only one of the networks has are gained or lost with it. What was unknown and is now allowed is gained, what
    was allowed and is now unknown is lost, but not for certain.
    """
    common = Population((), sorted({*old.endpoints, *new.endpoints}, key=lambda e: (e.namespace, e.name, e.kind)))
    had, perhaps_had = _translate(old, common)
    has, perhaps_has = _translate(new, common)
    gained = subtract(has, had)
    perhaps_gained = subtract(perhaps_has, [*had, *perhaps_had])
    lost = subtract(had, [*has, *perhaps_has])
    perhaps_lost = subtract(had, [*has, *lost]) + subtract(perhaps_had, [*has, *perhaps_has])
    return Change(_flows(gained, perhaps_gained, common), _flows(lost, perhaps_lost, common))


def _flows(certain: Iterable[Product], perhaps: Iterable[Product], population: Population) -> tuple[Flow, ...]:
    return tuple(Flow.of(p, population, certain=sure) for products, sure in ((certain, True), (perhaps, False)) for p in merge(products))


def _translate(network: Network, common: Population) -> tuple[list[Product], list[Product]]:
    """The certain and the other flows of a network, in the numbers of a population that holds all its endpoints."""
    own = network.population
    alike = own.members == common.members
    bit = [1 << (common.place(e).bit or 0) for e in own.members]

    def translate(peers: Peers) -> Peers:
        inside = peers.inside if alike else 0
        for i in () if alike else bits(peers.inside):
            inside |= bit[i]
        if not peers.outside or peers.outside >= ALL_NAMES:
            return Peers(inside, peers.outside)
        return Peers(inside, peers.outside & ALL_ADDRESSES) | common.peers(own.host_names(peers.outside))

    flows = network.flows()
    certain, perhaps = (
        [Product(translate(f.source.peers), translate(f.destination.peers), f.ports) for f in flows if f.certain is sure]
        for sure in (True, False)
    )
    return certain, perhaps
