"""Signatures that nobody can read at admission."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.registry import PORT, READ, find_registry
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory

VERIFIER = "kyverno"
"""The namespace of who verifies (docs/concepts/signer.md)."""


@rule(
    "ZT751",
    "Who verifies signatures reaches the read door",
    why="Kyverno reads a model's signatures in the registry whenever a pod wants to mount it. Where it cannot, every such pod is refused.",
    fix="Declare a peer with the namespace `kyverno` and the labels of its admission controller, and a flow from it to `registry-read`, "
    "port `https`.",
    references=(controls.TENET_4, controls.NETWORK),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unverifiable_models(factory: Factory) -> Iterator[Problem]:
    registry = find_registry(factory)
    if registry is None:
        return
    door = f"{registry.segment}/{READ}"
    coming = [factory.peer[flow.source] for flow in factory.flows if flow.to == door and flow.source in factory.peer]
    mounted = {name for workload in factory.workloads for name in workload.serves}
    signed = any(factory.model[name].signers or factory.model[name].validators for name in mounted)
    if signed and not any(peer.namespace == VERIFIER for peer in coming):
        yield Problem(
            f"workloads[{door}].listens[{PORT}]", f"is reached by no peer in the namespace {VERIFIER}, and signatures lie behind it"
        )
