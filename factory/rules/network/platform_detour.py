"""Flows that run against the pipeline by way of Platform."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator

from factory.plan import controls
from factory.rules.exposure import trace
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.rules.stage_order import ORDER, is_backward, stage_of
from factory.spec import Factory, Flow, Stage


@rule(
    "ZT104",
    "No backward path leads through a Platform segment",
    why="Platform may call every stage and be called by every stage. A Platform workload that does both forwards what a direct flow "
    "could not: from a later stage back to an earlier one.",
    fix="Split the Platform workload in two: one that is called, one that calls.",
    references=(controls.TENET_3, controls.NETWORK, controls.CIS_NETWORK),
    severity=REFUSED_IN_PRODUCTION,
)
def find_platform_detours(factory: Factory) -> Iterator[Problem]:
    inner = [flow for flow in factory.flows if "/" in flow.source and "/" in flow.to]
    leaving: dict[str, list[Flow]] = defaultdict(list)
    entering: dict[Stage, list[Flow]] = defaultdict(list)
    for flow in sorted(inner, key=lambda flow: flow.reference):
        source, to = stage_of(factory, flow.source), stage_of(factory, flow.to)
        if source is Stage.PLATFORM:
            leaving[flow.source].append(flow)
        elif to is Stage.PLATFORM:
            entering[source].append(flow)

    arrived: dict[str, Flow] = {}
    latest: dict[str, Stage] = {}
    found: dict[str, tuple[Flow, Stage]] = {}
    for stage in reversed(ORDER):
        waiting = deque(entering[stage])
        while waiting:
            flow = waiting.popleft()
            to = stage_of(factory, flow.to)
            if to is Stage.PLATFORM and flow.to not in latest:
                latest[flow.to], arrived[flow.to] = stage, flow
                waiting.extend(leaving[flow.to])
            elif is_backward(stage, to):
                found.setdefault(flow.reference, (flow, stage))
    for reference, (flow, stage) in found.items():
        way = f"{trace(arrived, flow.source)} -> {flow.to}:{flow.port}"
        yield Problem(f"flows[{reference}]", f"takes {stage} back to {stage_of(factory, flow.to)}: {way}")
