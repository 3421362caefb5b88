"""Data that runs against the pipeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.rules.stage_order import is_backward
from factory.spec import Factory, Workload


@rule(
    "ZT204",
    "Data moves forward: Ingestion, Training, Validation, Inference",
    why="A volume is a flow that no network policy sees. What an inference server may write and a trainer reads is a way to poison the "
    "next model.",
    fix="Let a Platform or Ingestion workload take the data over a flow, check it, and write it.",
    references=(controls.TENET_3,),
    severity=REFUSED_IN_PRODUCTION,
)
def find_backward_data(factory: Factory) -> Iterator[Problem]:
    readers: dict[str, list[Workload]] = defaultdict(list)
    for workload in factory.workloads:
        for name in workload.reads:
            readers[name].append(workload)
    for workload in factory.workloads:
        stage = factory.segment[workload.segment].stage
        for name in workload.writes:
            holder = factory.dataset[name].segment
            earlier = [reader.reference for reader in readers[name] if is_backward(stage, factory.segment[reader.segment].stage)]
            if is_backward(stage, factory.segment[holder].stage):
                earlier.append(f"segment {holder}")
            if earlier:
                yield Problem(f"workloads[{workload.reference}].writes[{name}]", f"brings data from {stage} back to {listed(earlier)}")
