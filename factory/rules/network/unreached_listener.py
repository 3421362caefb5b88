"""Listeners without a flow."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT105",
    "A listener has a flow that leads to it",
    why="An open port that nobody may reach is either forgotten code or a flow that somebody will add in a hurry.",
    fix="Add the flow that it is for, or remove the listener.",
    references=(controls.TENET_3, controls.NETWORK),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unreached_listeners(factory: Factory) -> Iterator[Problem]:
    reached = {(flow.to, flow.port) for flow in factory.flows}
    for workload in factory.workloads:
        for listener in workload.listens:
            if (workload.reference, listener.name) not in reached:
                yield Problem(f"workloads[{workload.reference}].listens[{listener.name}]", "is reached by no flow")
    for peer in factory.peers:
        for listener in peer.listens:
            if (peer.name, listener.name) not in reached:
                yield Problem(f"peers[{peer.name}].listens[{listener.name}]", "is reached by no flow")
