"""Flows from a workload to itself."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.vault import WORKLOAD, find_openbao
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT102",
    "Only workloads on GPUs, and members of OpenBao, talk to themselves",
    why="Replicas that may call each other let whoever holds one walk into all. Workers of one distributed job need that (collectives "
    "over NCCL); a stateless server does not.",
    fix="Remove the flow, or waive it with what the replicas have to agree on.",
    references=(controls.TENET_3, controls.NETWORK),
    severity=WARNED,
)
def find_self_flows(factory: Factory) -> Iterator[Problem]:
    vault = find_openbao(factory)
    members = f"{vault.segment}/{WORKLOAD}" if vault else None
    for flow in factory.flows:
        if flow.source == flow.to != members and "/" in flow.to and factory.workload[flow.to].pool is None:
            yield Problem(f"flows[{flow.reference}]", "lets a workload without GPU pool call itself")
