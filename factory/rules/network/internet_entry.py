"""Where the internet enters."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.exposure import is_internet
from factory.rules.rule import Problem, rule
from factory.rules.stage_order import stage_of
from factory.spec import Factory, Stage


@rule(
    "ZT106",
    "The internet does not call Training or Validation",
    why="These stages hold data and unreleased weights, and nothing in them is built to face strangers.",
    fix="Let it enter a Platform, Ingestion or Inference segment first.",
    references=(controls.TENET_2, controls.NETWORK),
)
def find_internet_entries(factory: Factory) -> Iterator[Problem]:
    internet = {peer.name for peer in factory.peers if is_internet(peer)}
    for flow in factory.flows:
        if flow.source in internet and "/" in flow.to:
            stage = stage_of(factory, flow.to)
            if stage in (Stage.TRAINING, Stage.VALIDATION):
                yield Problem(f"flows[{flow.reference}]", f"lets the internet into {stage}")
