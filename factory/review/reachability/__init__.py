"""Reachability: may A reach B on P, who may reach whom on what, and which objects say so.

`Network` evaluates NetworkPolicy v1 completely, ClusterNetworkPolicy v1alpha2 with its tiers, and of Cilium's policies what it understands
exactly. It works on plain Kubernetes objects, so on a plan, on YAML from elsewhere and on a live cluster alike. What it does not understand
is `Reach.Unknown`, with the words why.
"""

from .change import Change, compare
from .endpoint import Endpoint, HostName, Peer, Port, find_endpoints
from .network import End, Flow, Network, Reach, Verdict, beyond
from .port import ports, say_ports
from .rule import Action, Direction, Reason, Reference

__all__ = [
    "Action",
    "Change",
    "Direction",
    "End",
    "Endpoint",
    "Flow",
    "HostName",
    "Network",
    "Peer",
    "Port",
    "Reach",
    "Reason",
    "Reference",
    "Verdict",
    "beyond",
    "compare",
    "find_endpoints",
    "ports",
    "say_ports",
]
