"""The whole factory, as a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from factory.plan import Component
from factory.spec import Factory

from ._part import Part
from .access import Access
from .build import Build
from .gpu_pool import GpuPool
from .guardrails import Guardrails
from .identity_provider import IdentityProvider
from .key_management import KeyManagement
from .model_registry import ModelRegistry
from .queue import Queue
from .segment import Segment
from .workload_identity import WorkloadIdentity

PARTS: dict[str, type[Part]] = {
    part.__name__: part
    for part in (Segment, GpuPool, Queue, WorkloadIdentity, IdentityProvider, KeyManagement, ModelRegistry, Access, Guardrails)
}


class AiFactory(Part):
    """Everything that one spec describes: what belongs to the whole factory, and below it every segment, pool, queue, grant and guardrail.

    >>> import pulumi
    >>> from components import AiFactory, Build, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "training", "stage": "Training", "owner": "ml-research"}],
    ...     "workloads": [{"name": "trainer", "segment": "training"}],
    ... })
    >>> helix = AiFactory("helix", build, pulumi.ResourceOptions(provider=connect(build)))
    >>> pulumi.export("namespaces", helix.namespaces)
    """

    parts: dict[Component, Part]
    """Its components."""
    namespaces: dict[str, pulumi.Output[str]]
    """Namespaces by the name of their segment, each known once it exists."""

    def __init__(self, name: str, factory: Factory | Mapping[str, Any] | Build, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, factory, opts)
        below = pulumi.ResourceOptions(parent=self)
        self.parts = {
            component: PARTS[component.kind](component.name, self.build, below)
            for component in self.build.components
            if component.kind in PARTS
        }
        self.namespaces = {part.pulumi_resource_name: part.namespace for part in self.parts.values() if isinstance(part, Segment)}
