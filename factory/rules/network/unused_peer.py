"""Peers without a flow."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT113",
    "A peer is part of some flow",
    why="A peer that nothing uses is a range or a selector that nobody reviews, ready to be used.",
    fix="Add its flow, or remove the peer.",
    references=(controls.TENET_1, controls.NETWORK),
    severity=WARNED,
)
def find_unused_peers(factory: Factory) -> Iterator[Problem]:
    used = {end for flow in factory.flows for end in (flow.source, flow.to)}
    for peer in factory.peers:
        if peer.name not in used:
            yield Problem(f"peers[{peer.name}]", "is part of no flow")
