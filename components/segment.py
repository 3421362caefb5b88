"""A segment, as a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from factory.spec import Factory

from ._part import Part
from .build import Build


class Segment(Part):
    """One micro-segment: its namespace, its quota and limits, its workloads' ServiceAccounts, and the policies of its ends of each flow.

    Alone, in a program of your own; the spec may hold no more than this segment and who it talks to:

    >>> import pulumi
    >>> from components import Build, Segment, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "serving", "stage": "Inference", "owner": "serving", "quota": {"cpu": "16", "memory": "64Gi"}}],
    ...     "workloads": [{"name": "server", "segment": "serving", "listens": [{"name": "https", "port": 8443}]}],
    ...     "peers": [{"name": "ingress", "namespace": "ingress-nginx", "podLabels": {"app": "ingress"}}],
    ...     "flows": [{"from": "ingress", "to": "serving/server", "port": "https", "because": "scoring by our web shop"}],
    ... })
    >>> serving = Segment("serving", build, pulumi.ResourceOptions(provider=connect(build)))
    >>> pulumi.export("namespace", serving.namespace)
    """

    namespace: pulumi.Output[str]
    """Name of its namespace, known once that exists."""

    def __init__(self, name: str, factory: Factory | Mapping[str, Any] | Build, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, factory, opts)
        self.namespace = self.objects["namespace"].id
