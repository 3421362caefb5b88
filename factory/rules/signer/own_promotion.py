"""Producers that promote their own models."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory

from .serving import servers


@rule(
    "ZT763",
    "A model is not promoted by its producer alone",
    why="The signature that lets a model into Inference is the last one that is asked for. With the producer's key it is worth what the "
    "producer is worth.",
    fix="Let people, or a workload that does not produce the model, sign what goes to Inference.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN),
    severity=REFUSED_IN_PRODUCTION,
)
def find_own_promotions(factory: Factory) -> Iterator[Problem]:
    producers = {(workload.reference, name) for workload in factory.workloads for name in workload.produces}
    for name in servers(factory):
        for signer in factory.model[name].signers:
            workload = factory.signer[signer].workload
            if (workload, name) in producers:
                yield Problem(f"models[{name}].signers[{signer}]", f"is the key of {workload}, which produces the model")
