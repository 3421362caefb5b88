"""Peers: what talks to the factory from outside its segments."""

from __future__ import annotations

from pydantic import Field

from .cidr import Cidr
from .concept import Concept, Labels, Name
from .workload import Listener


class Peer(Concept):
    """Pods in a namespace that the factory does not own (an ingress controller, a collector), or a range: `namespace` or `cidr`."""

    name: Name
    """How flows name it."""
    namespace: Name | None = None
    """The namespace of its pods."""
    pod_labels: Labels = Field(default_factory=dict)
    """Labels that select its pods; required with `namespace`."""
    cidr: Cidr | None = None
    """Its address range."""
    internet: bool = False
    """Whether the internet is behind it: what it reaches counts as exposed."""
    listens: tuple[Listener, ...] = ()
    """The ports that workloads may call, each by a flow."""
