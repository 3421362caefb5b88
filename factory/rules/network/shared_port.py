"""Ports with two names."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, Peer, Workload


@rule(
    "ZT115",
    "A port of a workload has one name",
    why="Flows are granted to a listener by name. With two names on one port, the grant of the harmless one opens the other.",
    fix="Keep one listener, or give each its own port.",
    references=(controls.TENET_3, controls.NETWORK),
)
def find_shared_ports(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        if len(workload.listens) > 1:
            yield from _shared(f"workloads[{workload.reference}]", workload)
    for peer in factory.peers:
        yield from _shared(f"peers[{peer.name}]", peer)


def _shared(path: str, owner: Workload | Peer) -> Iterator[Problem]:
    first: dict[tuple[int, str], str] = {}
    for listener in sorted(owner.listens, key=lambda listener: listener.name):
        name = first.setdefault((listener.port, listener.protocol), listener.name)
        if name != listener.name:
            yield Problem(f"{path}.listens[{listener.name}].port", f"is also that of {name}", f"{listener.port}/{listener.protocol}")
