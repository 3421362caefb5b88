"""The cluster that the factory is built on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from .concept import VERSION, Concept, Labels, Name, Port


class Distribution(StrEnum):
    """Who runs the control plane: only a `SelfManaged` one takes control-plane files."""

    SELF_MANAGED = "SelfManaged"
    EKS = "EKS"
    AKS = "AKS"
    GKE = "GKE"
    OPENSHIFT = "OpenShift"


class NetworkEngine(StrEnum):
    """What enforces network policy. `Kubernetes`: any engine with NetworkPolicy v1, no host names, no deny rules. `Cilium`: those too."""

    KUBERNETES = "Kubernetes"
    CILIUM = "Cilium"


class Dns(Concept):
    """The pods that answer the cluster's DNS: the one address that every workload may ask."""

    namespace: Name = "kube-system"
    """Their namespace."""
    pod_labels: Labels = Field(default={"k8s-app": "kube-dns"}, min_length=1)
    """Labels that select them."""
    port: Port = 53
    """The port that the pods listen on, TCP and UDP (OpenShift: 5353)."""


class Cluster(Concept):
    """The cluster, as far as the plan depends on it."""

    distribution: Distribution
    """Who runs the control plane."""
    version: Annotated[str, StringConstraints(pattern=VERSION)]
    """Kubernetes minor version, in quotes. Features that it lacks are refused, never silently left out."""
    context: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """The kubeconfig context to deploy through. Named here, so that the wrong cluster cannot be hit by accident."""
    network_policy: NetworkEngine = NetworkEngine.KUBERNETES
    """What enforces network policy."""
    cluster_network_policy: bool = False
    """Whether the engine also serves `policy.networking.k8s.io/v1alpha2` ClusterNetworkPolicy: a tier that no namespace can undo."""
    dns: Dns = Dns()
    """The cluster's DNS."""
    node_agents: tuple[Name, ...] = ("kube-system",)
    """Namespaces of agents that run on every node, GPU nodes too: their pods may tolerate the taints of the factory's pools."""
    static_policies: bool = False
    """Whether `factory render` also writes the guardrails as static manifests for the API server's disk, where nobody can delete them
    (`SelfManaged` only; Kubernetes 1.36 needs the gate `ManifestBasedAdmissionControlConfig`)."""

    @property
    def minor(self) -> int:
        """The minor version as a number: 36 for `"1.36"`."""
        return int(self.version.split(".")[1])
