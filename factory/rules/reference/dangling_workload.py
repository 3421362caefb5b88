"""References to workloads."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .dangling import dangling


@rule(
    "ZT012",
    "A workload that a flow or a signer names exists",
    why="A flow with an end that does not exist opens nothing today, and something unreviewed on the day when that end appears.",
    fix="Declare the workload, or correct the name.",
    references=(controls.TENET_1, controls.NETWORK),
    waivable=False,
)
def find_dangling_workloads(factory: Factory) -> Iterator[Problem]:
    known = factory.workload
    for flow in factory.flows:
        for end, reference in (("from", flow.source), ("to", flow.to)):
            if "/" in reference and reference not in known:
                yield dangling(f"flows[{flow.reference}].{end}", "workloads", reference, known)
    for signer in factory.signers:
        if signer.workload is not None and signer.workload not in known:
            yield dangling(f"signers[{signer.name}].workload", "workloads", signer.workload, known)
