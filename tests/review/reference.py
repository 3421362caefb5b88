"""The semantics of NetworkPolicy v1 and ClusterNetworkPolicy v1alpha2 as plainly as they read in the API's documentation.

One packet at a time on the objects themselves, with nothing of the evaluator's code: slow, short, and easy to check by eye.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Object = dict[str, Any]


@dataclass
class Packet:
    """From and to are pods, or addresses outside."""

    source: Object | str
    destination: Object | str
    port: int
    protocol: str


@dataclass
class Cluster:
    namespaces: list[Object]
    policies: list[Object]
    labels: dict[str, dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.labels = {n["metadata"]["name"]: n["metadata"]["labels"] for n in self.namespaces}

    def allows(self, packet: Packet) -> bool:
        if packet.source is packet.destination:
            return True
        return self._side(packet, "egress") and self._side(packet, "ingress")

    def _side(self, packet: Packet, way: str) -> bool:
        subject, other = (packet.source, packet.destination) if way == "egress" else (packet.destination, packet.source)
        if not _is_pod(subject):
            return True
        for tier, default in (("Admin", None), ("NetworkPolicy", None), ("Baseline", True)):
            verdict = self._network_policies(subject, other, packet, way) if tier == "NetworkPolicy" else None
            if tier != "NetworkPolicy":
                verdict = self._tier(tier, subject, other, packet, way)
            if verdict is None:
                verdict = default
            if verdict is not None:
                return verdict
        raise AssertionError

    def _tier(self, tier: str, subject: Object, other: Any, packet: Packet, way: str) -> bool | None:
        mine = [p for p in self.policies if p["kind"] == "ClusterNetworkPolicy" and p["spec"]["tier"] == tier]
        for policy in sorted(mine, key=lambda p: p["spec"]["priority"]):
            if not self._cluster_peer(policy["spec"]["subject"], subject):
                continue
            for rule in policy["spec"].get(way, []):
                if any(self._cluster_peer(p, other) for p in rule["from" if way == "ingress" else "to"]) and _protocols(rule, packet):
                    return {"Accept": True, "Deny": False, "Pass": None}[rule["action"]]
        return None

    def _cluster_peer(self, peer: Object, of: Any) -> bool:
        if "networks" in peer:
            return any(ip_address(_ip(of)) in ip_network(n) for n in peer["networks"])
        if not _is_pod(of):
            return False
        spaces = peer["namespaces"] if "namespaces" in peer else peer["pods"]["namespaceSelector"]
        pods = {} if "namespaces" in peer else peer["pods"]["podSelector"]
        return selects(spaces, self.labels[of["metadata"]["namespace"]]) and selects(pods, of["metadata"]["labels"])

    def _network_policies(self, subject: Object, other: Any, packet: Packet, way: str) -> bool | None:
        """None if the pod is not isolated in this direction."""
        isolated = False
        for policy in self.policies:
            spec = policy["spec"]
            if policy["kind"] != "NetworkPolicy" or policy["metadata"]["namespace"] != subject["metadata"]["namespace"]:
                continue
            types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
            if way.capitalize() not in types or not selects(spec["podSelector"], subject["metadata"]["labels"]):
                continue
            isolated = True
            for rule in spec.get(way) or []:
                peers = rule.get("from" if way == "ingress" else "to")
                if (not peers or any(self._peer(p, other, policy) for p in peers)) and _ports(rule.get("ports"), packet):
                    return True
        return False if isolated else None

    def _peer(self, peer: Object, of: Any, policy: Object) -> bool:
        if "ipBlock" in peer:
            ip = ip_address(_ip(of))
            return ip in ip_network(peer["ipBlock"]["cidr"]) and not any(ip in ip_network(e) for e in peer["ipBlock"].get("except", []))
        if not _is_pod(of):
            return False
        namespace = of["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], self.labels[namespace]):
                return False
        elif namespace != policy["metadata"]["namespace"]:
            return False
        return selects(peer.get("podSelector", {}), of["metadata"]["labels"])


def selects(selector: Object, labels: dict[str, str]) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if key not in labels or labels[key] != value:
            return False
    for e in selector.get("matchExpressions", []):
        present = e["key"] in labels
        holds = {
            "Exists": present,
            "DoesNotExist": not present,
            "In": present and labels.get(e["key"]) in e.get("values", []),
            "NotIn": not present or labels.get(e["key"]) not in e.get("values", []),
        }
        if not holds[e["operator"]]:
            return False
    return True


def _is_pod(of: Any) -> bool:
    return isinstance(of, dict) and not of["spec"]["hostNetwork"]


def _ip(of: Any) -> str:
    return of if isinstance(of, str) else of["status"]["podIP"]


def _named(name: str, packet: Packet) -> bool:
    if isinstance(packet.destination, str):
        return False
    ports = packet.destination["spec"]["containers"][0]["ports"]
    return (name, packet.port, packet.protocol) in [(p["name"], p["containerPort"], p["protocol"]) for p in ports]


def _ports(ports: list[Object] | None, packet: Packet) -> bool:
    if not ports:
        return True
    for p in ports:
        if p.get("protocol", "TCP") != packet.protocol:
            continue
        first = p.get("port")
        if first is None or (isinstance(first, str) and _named(first, packet)):
            return True
        if isinstance(first, int) and first <= packet.port <= p.get("endPort", first):
            return True
    return False


def _protocols(rule: Object, packet: Packet) -> bool:
    if "protocols" not in rule:
        return True
    for p in rule["protocols"]:
        if "destinationNamedPort" in p:
            if _named(p["destinationNamedPort"], packet):
                return True
            continue
        ((protocol, match),) = p.items()
        wanted = match.get("destinationPort", {})
        span = wanted.get("range") or {"start": wanted.get("number", 1), "end": wanted.get("number", 65535)}
        if protocol.upper() == packet.protocol and span["start"] <= packet.port <= span["end"]:
            return True
    return False
