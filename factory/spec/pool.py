"""GPU pools: nodes of one kind, granted to segments."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from .concept import NODE_NAMES, VOLUME, Concept, Count, LabelKey, Labels, LabelValue, Name, Text


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Taint(Concept):
    """A node taint."""

    key: LabelKey
    """Its key."""
    value: LabelValue = ""
    """Its value."""
    effect: TaintEffect = TaintEffect.NO_SCHEDULE
    """Its effect."""


class DeviceApi(StrEnum):
    """How pods ask for a GPU: an extended resource of the `DevicePlugin`, or a ResourceClaim (Kubernetes 1.34, KEP-4381)."""

    DEVICE_PLUGIN = "DevicePlugin"
    DYNAMIC_RESOURCE_ALLOCATION = "DynamicResourceAllocation"


class Gpu(Concept):
    """The device that a pool's nodes carry."""

    api: DeviceApi = DeviceApi.DEVICE_PLUGIN
    """How pods ask for it."""
    mig: Annotated[str, StringConstraints(pattern=r"^[1-7]g\.[0-9]+gb(\.me)?$")] | None = None
    """MIG profile, such as `1g.10gb`: pods then ask for `nvidia.com/mig-1g.10gb`. Absent: whole GPUs, `nvidia.com/gpu`."""
    product: LabelValue | None = None
    """Product name as GPU feature discovery labels it; DRA device classes select by it."""

    @property
    def resource(self) -> str:
        """The extended resource that the NVIDIA device plugin advertises."""
        return f"nvidia.com/mig-{self.mig}" if self.mig else "nvidia.com/gpu"


class Pool(Concept):
    """What every pool has."""

    name: Name
    """Its name: the node label and taint that bind pods to it carry it."""
    gpu: Gpu = Gpu()
    """The device that its nodes carry."""
    segments: tuple[Name, ...] = Field(min_length=1)
    """The segments that it is granted to."""
    sharing: Text | None = None
    """Why segments of different owners may share it. Absent: they may not."""


_RANGE = re.compile(r"\[([0-9]+)-([0-9]+)\]")


def _rising(names: str) -> str:
    if (span := _RANGE.search(names)) and int(span[1]) > int(span[2]):
        fix = f'Did you mean "{names[: span.start()]}[{span[2]}-{span[1]}]{names[span.end() :]}"?'
        raise PydanticCustomError("node_names", "counts backwards", {"allowed": "a range that rises", "fix": fix})
    return names


NodeNames = Annotated[str, StringConstraints(pattern=NODE_NAMES, max_length=253), AfterValidator(_rising)]


class StaticNodes(Concept):
    """Existing nodes: exactly one of `names` and `selector`."""

    names: tuple[NodeNames, ...] = ()
    """Nodes to label and taint: names, or ranges such as `gpu-h100-[0-15]`, which stands for 16 nodes (`[00-15]` keeps its zeros)."""
    selector: Labels = Field(default_factory=dict)
    """Labels that such nodes carry already. They are left untouched: whoever runs them must have tainted them with the pool's taint."""

    @property
    def expanded(self) -> list[str]:
        """Every single node that `names` stands for, each once, sorted."""
        return sorted({name for names in self.names for name in _expand(names)})


def _expand(names: str) -> list[str]:
    span = _RANGE.search(names)
    if span is None:
        return [names]
    first, last = span.groups()
    width = len(first) if first.startswith("0") else 1
    return [f"{names[: span.start()]}{number:0{width}}{names[span.end() :]}" for number in range(int(first), int(last) + 1)]


class StaticPool(Pool):
    """Nodes that somebody else owns."""

    provisioner: Literal["Static"]
    nodes: StaticNodes
    """The nodes."""


class KarpenterNodeClass(Concept):
    """How AWS builds a node (EC2NodeClass `karpenter.k8s.aws/v1`)."""

    role: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$")]
    """IAM role of the nodes."""
    ami_alias: Annotated[str, StringConstraints(pattern=r"^(al2023|bottlerocket)@(v?[0-9][0-9.]*|latest)$")]
    """AMI family and version, such as `al2023@v20261015`. A rule refuses `latest` in Production."""
    discovery: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """Value of the tag `karpenter.sh/discovery` on subnets and security groups."""
    volume_size: Annotated[str, StringConstraints(pattern=VOLUME)] = "200Gi"
    """Size of the encrypted volume that holds images and scratch data."""


class KarpenterPool(Pool):
    """Nodes that Karpenter makes on demand (`karpenter.sh/v1` NodePool)."""

    provisioner: Literal["Karpenter"]
    instance_types: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")], ...] = Field(min_length=1)
    """EC2 instance types, such as `p5.48xlarge`."""
    capacity_type: Literal["on-demand", "reserved", "spot"] = "on-demand"
    """How capacity is bought."""
    max_gpus: Annotated[int, Field(ge=1, le=100_000)]
    """The most GPUs that it may grow to."""
    node_class: KarpenterNodeClass
    """How a node is built."""
    startup_taints: tuple[Taint, ...] = ()
    """Taints that a new node bears until its agents have removed them."""
    expire_after: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*h$")] = "720h"
    """Age after which a node is replaced, so that none outlives its patches."""


class ObjectReference(Concept):
    """A reference to an object of Cluster API, in the pool's management namespace."""

    api_group: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+$")]
    """Its API group, such as `infrastructure.cluster.x-k8s.io`."""
    kind: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]*$")]
    """Its kind, such as `Metal3MachineTemplate`."""
    name: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """Its name."""


class ClusterApiPool(Pool):
    """Machines that Cluster API makes (`cluster.x-k8s.io/v1beta2` MachineDeployment)."""

    provisioner: Literal["ClusterAPI"]
    cluster: Name
    """Name of the Cluster object."""
    namespace: Name
    """Namespace of the Cluster object."""
    replicas: Count
    """Number of machines."""
    machine_version: Annotated[str, StringConstraints(pattern=r"^v1\.[0-9]+\.[0-9]+$")]
    """Kubernetes version of the machines, such as `v1.36.3`."""
    bootstrap: ObjectReference
    """Bootstrap config template, such as a KubeadmConfigTemplate."""
    infrastructure: ObjectReference
    """Infrastructure machine template."""
    startup_taints: tuple[Taint, ...] = ()
    """Taints that a new node bears until its agents have removed them (`propagation: OnInitialization`)."""


AnyPool = Annotated[StaticPool | KarpenterPool | ClusterApiPool, Field(discriminator="provisioner")]
"""A pool, told apart by its `provisioner`."""
