"""Which pods give way when nodes are full: one PriorityClass a stage, so that serving is never evicted for training."""

from __future__ import annotations

from collections.abc import Iterator

from factory.spec import Factory, Stage

from . import controls, names
from .body import body
from .manifest import Because, Component, Manifest

PRIORITY = {Stage.PLATFORM: 500_000, Stage.INFERENCE: 400_000, Stage.INGESTION: 300_000, Stage.VALIDATION: 200_000, Stage.TRAINING: 100_000}
"""Above the default of 0, far below the billion where Kubernetes' own classes begin."""


def priority_class(factory: str, stage: Stage) -> str:
    """Its name: `helix-inference`. Pods of a segment may use no other than that of its stage."""
    return names.cluster_wide(factory, stage.value.lower())


def plan_priorities(factory: Factory) -> Iterator[Manifest]:
    """One class for each stage that the factory has."""
    for stage in sorted({segment.stage for segment in factory.segments}, key=lambda stage: stage.value):
        because = Because("segments", f"pods of stage {stage.value} give way in this order", (controls.CIS_NAMESPACES,))
        priority = body(
            "scheduling.k8s.io/v1",
            "PriorityClass",
            priority_class(factory.name, stage),
            because,
            factory=factory.name,
            value=PRIORITY[stage],
            globalDefault=False,
            preemptionPolicy="PreemptLowerPriority" if stage in (Stage.PLATFORM, Stage.INFERENCE) else "Never",
            description=f"Pods of stage {stage.value}.",
        )
        yield Manifest(Component("AiFactory", factory.name), f"priority-{stage.value.lower()}", priority, because)
