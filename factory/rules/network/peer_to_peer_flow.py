"""Flows that do not touch the factory."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT101",
    "A flow has an end in the factory",
    why="Neither end is a workload, so nothing is planned for it: it reads like a permission and is none.",
    fix="Name a workload at one end, or remove the flow.",
    references=(controls.TENET_2, controls.NETWORK),
    waivable=False,
)
def find_peer_to_peer_flows(factory: Factory) -> Iterator[Problem]:
    for flow in factory.flows:
        if "/" not in flow.source and "/" not in flow.to:
            yield Problem(f"flows[{flow.reference}]", "runs between two peers, so that no workload is part of it")
