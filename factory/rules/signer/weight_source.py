"""Ways to fetch weights past admission."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.exposure import is_internet
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import DistributionRegistry, Factory, Stage, is_public

DOORS = ("registry-read", "registry-write")


@rule(
    "ZT769",
    "What serves models in Inference cannot fetch weights by itself",
    why="Admission looks at what a pod mounts. What a process downloads into its own memory or scratch space is seen by nobody: no "
    "signature, no validation, no digest.",
    fix="Let the node pull the model as an image volume and remove the way out, or waive this with the reason why it carries no weights.",
    references=(controls.TENET_3, controls.TENET_5, controls.SUPPLY_CHAIN, controls.NETWORK),
    severity=REFUSED_IN_PRODUCTION,
)
def find_weight_sources(factory: Factory) -> Iterator[Problem]:
    serving = {
        workload.reference
        for workload in factory.workloads
        if workload.serves and factory.segment[workload.segment].stage is Stage.INFERENCE
    }
    for reference in sorted(serving):
        for egress in factory.workload[reference].egress:
            if egress.host is not None or (egress.cidr is not None and is_public(egress.cidr)):
                yield Problem(f"workloads[{reference}].egress[{egress.reference}]", "lets what serves models fetch anything from outside")
    registry = factory.registry
    doors = {f"{registry.segment}/{door}" for door in DOORS} if isinstance(registry, DistributionRegistry) else set()
    sources = doors | {peer.name for peer in factory.peers if is_internet(peer)}
    for flow in factory.flows:
        if flow.source in serving and flow.to in sources:
            what = "the registry" if flow.to in doors else "the internet"
            yield Problem(f"flows[{flow.reference}]", f"lets what serves models fetch weights from {what}")
