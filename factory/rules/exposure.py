"""What the internet reaches: one breadth-first search along the flows."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator

from factory.spec import Factory, Flow, Peer, is_public


def is_internet(peer: Peer) -> bool:
    """Whether the internet is behind a peer: it says so, or some of its addresses are public."""
    return peer.internet or (peer.cidr is not None and is_public(peer.cidr))


def find_exposed(factory: Factory) -> dict[str, Flow]:
    """Each workload that the internet reaches, directly or through others, with the last flow of a shortest path to it."""
    leaving: dict[str, list[Flow]] = defaultdict(list)
    for flow in sorted(factory.flows, key=lambda flow: flow.reference):
        leaving[flow.source].append(flow)
    arrived: dict[str, Flow] = {}
    seen = {peer.name for peer in factory.peers if is_internet(peer)}
    waiting = deque(sorted(seen))
    while waiting:
        for flow in leaving.get(waiting.popleft(), ()):
            if flow.to not in seen:
                seen.add(flow.to)
                arrived[flow.to] = flow
                waiting.append(flow.to)
    return arrived


def trace(arrived: dict[str, Flow], end: str) -> str:
    """The path to an exposed workload: `internet -> inference/gateway:https -> inference/server:grpc`."""

    def back(end: str) -> Iterator[str]:
        while end in arrived:
            yield f"{end}:{arrived[end].port}"
            end = arrived[end].source
        yield end

    return " -> ".join(reversed(list(back(end))))
