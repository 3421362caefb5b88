"""Sets of traffic as products: everybody in one set with everybody in another on every port of a third."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .interval import Intervals
from .population import Peers, bits

_FEW = 8  # cuts that are tried on every product before an index of them pays


@dataclass(frozen=True, slots=True)
class Product:
    """All traffic between each of `subjects` and each of `peers` on each of `ports`."""

    subjects: Peers
    peers: Peers
    ports: Intervals

    def __bool__(self) -> bool:
        return bool(self.ports) and bool(self.subjects) and bool(self.peers)

    def minus(self, other: Product) -> Iterator[Product]:
        subjects, peers, ports = self.subjects & other.subjects, self.peers & other.peers, self.ports & other.ports
        if not (subjects and peers and ports):
            yield self
            return
        for part in (
            Product(self.subjects - other.subjects, self.peers, self.ports),
            Product(subjects, self.peers - other.peers, self.ports),
            Product(subjects, peers, self.ports - other.ports),
        ):
            if part:
                yield part


def subtract(products: Iterable[Product], cuts: Iterable[Product]) -> list[Product]:
    """What of `products` is in none of `cuts`. Only cuts that share a subject with a product are tried on it."""
    cuts = list(dict.fromkeys(cuts))
    whole = set(cuts)
    left = [product for product in products if product not in whole]
    if len(cuts) < _FEW:
        for cut in cuts:
            left = [part for product in left for part in product.minus(cut)]
        return left
    of: defaultdict[int, list[int]] = defaultdict(list)
    outside = [i for i, cut in enumerate(cuts) if cut.subjects.outside]
    for i, cut in enumerate(cuts):
        for bit in bits(cut.subjects.inside):
            of[bit].append(i)
    remaining: list[Product] = []
    for product in left:
        touching = {i for bit in bits(product.subjects.inside) for i in of.get(bit, ())}
        parts = [product]
        for i in sorted(touching.union(outside) if product.subjects.outside else touching):
            parts = [piece for part in parts for piece in part.minus(cuts[i])]
        remaining += parts
    return remaining


def merge(products: Iterable[Product]) -> list[Product]:
    """Fewer products of the same meaning: those that differ at one end only become one."""
    by_rest: dict[tuple[Peers, Intervals], Peers] = {}
    for p in products:
        known = by_rest.get((p.peers, p.ports))
        by_rest[p.peers, p.ports] = known | p.subjects if known else p.subjects
    by_subjects: dict[tuple[Peers, Intervals], Peers] = {}
    for (peers, ports), subjects in by_rest.items():
        known = by_subjects.get((subjects, ports))
        by_subjects[subjects, ports] = known | peers if known else peers
    return [Product(subjects, peers, ports) for (subjects, ports), peers in by_subjects.items()]
