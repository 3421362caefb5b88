"""Who comes to the write door without anything to push."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.registry import WRITE, find_registry, find_writers
from factory.rules.rule import Problem, rule
from factory.spec import Factory, is_public


@rule(
    "ZT743",
    "Only who makes or signs a model comes to the write door",
    why="Whoever reaches it is one stolen certificate away from writing into every repository: distribution knows no rights below the "
    "whole registry.",
    fix="Remove the flow, or say what the workload has to push: a model in its `produces`, or a signer whose `workload` it is. A peer may "
    "push where a model is imported, or is signed by somebody who is no workload; never from the internet.",
    references=(controls.TENET_3, controls.TENET_6, controls.NETWORK),
)
def find_uninvited_writers(factory: Factory) -> Iterator[Problem]:
    registry = find_registry(factory)
    if registry is None:
        return
    writers = find_writers(factory)
    signers = {name for model in factory.models for name in (*model.signers, *model.validators) if name in factory.signer}
    from_outside = any(model.imported for model in factory.models) or any(factory.signer[name].workload is None for name in signers)
    for flow in factory.flows:
        if flow.to != f"{registry.segment}/{WRITE}" or flow.source in writers:
            continue
        peer = factory.peer.get(flow.source)
        if peer is None:
            yield Problem(f"flows[{flow.reference}]", f"lets {flow.source} push, which neither produces nor signs a model")
        elif peer.internet or (peer.cidr and is_public(peer.cidr)):
            yield Problem(f"flows[{flow.reference}]", "opens the write door to the internet")
        elif not from_outside:
            yield Problem(f"flows[{flow.reference}]", f"lets {flow.source} push, but every model is made and signed by workloads")
