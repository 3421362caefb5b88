"""Flows that run against the pipeline."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.rules.stage_order import is_backward, stage_of
from factory.spec import Factory


@rule(
    "ZT103",
    "Flows run forward: Ingestion, Training, Validation, Inference",
    why="What serves the public is what is attacked first. If it can call back into training or ingestion, a stolen inference server "
    "reads training data and poisons the next model. Platform serves all stages and may be called by all.",
    fix="Let the earlier stage push to the later one, or put what both need into a Platform segment.",
    references=(controls.TENET_3, controls.NETWORK, controls.CIS_NETWORK),
)
def find_backward_flows(factory: Factory) -> Iterator[Problem]:
    for flow in factory.flows:
        if "/" in flow.source and "/" in flow.to:
            source, to = stage_of(factory, flow.source), stage_of(factory, flow.to)
            if is_backward(source, to):
                yield Problem(f"flows[{flow.reference}]", f"runs backwards, from {source} to {to}")
