"""What all components share: each is one component of a plan, and registers what the plan says, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from factory.plan import Component
from factory.spec import Factory

from .build import Build


class Part(pulumi.ComponentResource):
    """One component of a factory.

    `name` is its name in the spec. `factory` is the factory that it belongs to: a spec, or a `Build` shared with other components. `opts`
    must bring a Kubernetes provider, its own or that of its parent.

    Raises RunError with every finding when the spec is unfit, when it has no such component, and when there is no provider.
    """

    def __init__(self, name: str, factory: Factory | Mapping[str, Any] | Build, opts: pulumi.ResourceOptions | None = None) -> None:
        self.build = factory if isinstance(factory, Build) else Build(factory)
        component = Component(type(self).__name__, name)
        super().__init__(f"ai-factory:index:{component.kind}", name, self.build.intent(component), opts)
        self.objects = self.build.register(component, self)
