"""The seam: what a spec implies, as plain Kubernetes objects that know why they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Body = dict[str, Any]
"""A plain camelCase Kubernetes object. Shared and never changed after it was planned."""


class Component(NamedTuple):
    """One row of a preview: a component class of `components/` and the name of the thing."""

    kind: str
    """Class name, such as `Segment`."""
    name: str
    """Name in the spec, such as `training`."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Because(NamedTuple):
    """Why an object exists: the spec path that caused it, in names, and the controls that it implements."""

    path: str
    """Spec path, such as `flows[ingestion/loader -> training/feature-store:features]`."""
    reason: str
    """The spec's own `because`, or what the object is for."""
    controls: tuple[str, ...] = ()
    """Ids of `factory.plan.controls`."""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of the plan."""

    component: Component
    """The component that owns it."""
    key: str
    """Its name within the component. With the component's name it is the logical name, which never changes."""
    body: Body
    """The whole object."""
    because: Because
    """Why it is there."""
    after: tuple[str, ...] = ()
    """Ids of manifests that must exist before it, beside its own namespace; removed after it."""
    patch: bool = False
    """Whether it changes fields of an object that somebody else owns (a node), instead of creating one."""

    @property
    def id(self) -> str:
        """`Segment training/quota`: unique in a plan, stable over time."""
        return f"{self.component}/{self.key}"

    @property
    def name(self) -> str:
        """The logical name of the resource: `training.quota`. A spec's names hold no dot, so no two objects of a kind meet in one."""
        return f"{self.component.name}.{self.key}"

    @property
    def reference(self) -> str:
        """How people name the live object: `NetworkPolicy helix-training/deny-all`."""
        return reference(self.body)


def reference(body: Mapping[str, Any]) -> str:
    """How people name a live object: `NetworkPolicy helix-training/deny-all`, or `Namespace helix-training`."""
    metadata = body["metadata"]
    place = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{body['kind']} {place}{metadata['name']}"


class File(NamedTuple):
    """A file beside the objects: for the control plane's disk, below `INSTALL_PREFIX`, or for whoever installs SPIRE."""

    path: str
    """Relative path, such as `admission.yaml`."""
    content: Any
    """What it says: plain data, written as YAML (a list is one document an item) or, where `path` says so, JSON; or text, as it is."""
    because: Because
    """Why it is there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a spec implies, computed without a cluster. Holds no secret, so that it can be printed anywhere."""

    factory: str
    """The factory's name."""
    manifests: tuple[Manifest, ...]
    """Objects, in an order in which they can be created."""
    intents: dict[Component, dict[str, Any]]
    """What each component is for, small and secret-free: its preview row shows what changed in here."""
    files: tuple[File, ...] = ()
    """Control-plane files."""
    spire: tuple[File, ...] = ()
    """Files for whoever installs SPIRE, in a folder of their own."""
    registry: tuple[File, ...] = ()
    """Files for whoever runs the registry of models, in a folder of their own, where that is somebody else."""
    vault: tuple[File, ...] = ()
    """Files for whoever runs the vault, in a folder of their own."""
    bootstrap: tuple[Manifest, ...] = ()
    """What a cluster administrator applies before the deployer can build anything: the deployer's own rights."""
    trust: tuple[File, ...] = ()
    """Files for the owner of the root certificate authority: what it signs, and within which limits."""
