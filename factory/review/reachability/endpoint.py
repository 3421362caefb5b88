"""Who can talk: pods, workloads reduced to what a policy sees of them, and the world outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, NamedTuple

from .address import Address, Block

Object = Mapping[str, Any]


class Port(NamedTuple):
    """A named container port: what a policy's port name resolves to."""

    name: str
    number: int
    protocol: str = "TCP"


@dataclass(frozen=True)
class Endpoint:
    """A pod, or a workload that stands for all pods of its template. Two are the same if `kind`, `namespace` and `name` are.

    `kind` tells the two apart: traffic of a `Pod` to itself is always allowed, traffic between replicas of a workload is not.
    Network policies do not apply to an endpoint with `host_network`, and no selector finds it; only its `ip` does
    (https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-and-hostnetwork-pods).
    """

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)
    ports: tuple[Port, ...] = field(default=(), compare=False)
    host_network: bool = field(default=False, compare=False)
    ip: Address | None = field(default=None, compare=False)
    kind: str = "Pod"
    service_account: str = field(default="default", compare=False)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class HostName:
    """A name outside the cluster, as a policy writes it (`pypi.org`, `*.pypi.org`), or an entity that has no address (`kube-apiserver`)."""

    name: str

    def __str__(self) -> str:
        return self.name


Peer = Endpoint | Address | Block | HostName

_TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job")
_OWN_GROUPS = ("v1", "apps/v1", "batch/v1")


def find_endpoints(objects: Iterable[Object]) -> tuple[Endpoint, ...]:
    """The endpoints among plain Kubernetes objects: every Pod that has not completed, and every kind that carries a pod template.

    What is owned by another object of the list (a Deployment's ReplicaSet and its Pods) is that object's endpoint already.
    """
    listed = [o for o in objects if o.get("apiVersion") in _OWN_GROUPS and o.get("kind") in (*_TEMPLATES, "CronJob", "Pod")]
    present = {(o["kind"], _namespace(o), o["metadata"]["name"]) for o in listed}
    return tuple(
        _endpoint(o)
        for o in listed
        if (o.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        and not any((owner["kind"], _namespace(o), owner["name"]) in present for owner in o["metadata"].get("ownerReferences") or ())
    )


def _endpoint(workload: Object) -> Endpoint:
    kind, spec = workload["kind"], workload.get("spec") or {}
    if kind == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template = workload if kind == "Pod" else spec["template"]
    pod = template.get("spec") or {}
    ip = (workload.get("status") or {}).get("podIP")
    # An init container is a listener too when it is a sidecar (restartPolicy Always).
    sidecars = [c for c in pod.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return Endpoint(
        namespace=_namespace(workload),
        name=workload["metadata"]["name"],
        labels=dict((template.get("metadata") or {}).get("labels") or {}),
        ports=tuple(
            Port(p["name"], p["containerPort"], p.get("protocol", "TCP"))
            for container in (*(pod.get("containers") or ()), *sidecars)
            for p in container.get("ports") or ()
            if p.get("name")
        ),
        host_network=bool(pod.get("hostNetwork")),
        ip=ip_address(ip) if ip else None,
        kind=kind,
        service_account=pod.get("serviceAccountName") or "default",
    )


def _namespace(of: Object) -> str:
    return str(of["metadata"].get("namespace") or "default")
