"""Random clusters, dense in the corners of policy semantics: small vocabularies, so that selectors, ports and blocks meet often."""

from __future__ import annotations

from ipaddress import ip_address
from random import Random
from typing import Any

from factory.review.reachability import Endpoint, HostName, Port

Object = dict[str, Any]

OUTSIDE = ("8.8.8.8", "203.0.113.9", "169.254.169.254")
PORTS = ((80, "TCP"), (81, "TCP"), (8080, "TCP"), (53, "UDP"), (8080, "UDP"), (5000, "SCTP"))
KEYS, VALUES = ("app", "tier"), ("x", "y", "")
NAMESPACES = ("n0", "n1", "n2")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/30", "10.0.0.2/32", "203.0.113.0/24", "169.254.169.254/32", "192.168.0.0/16")
NAMES = ("web", "dns", "peer")


def labels(dice: Random) -> dict[str, str]:
    return {key: dice.choice(VALUES) for key in KEYS if dice.random() < 0.7}


def namespaces(dice: Random) -> list[Object]:
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": {**labels(dice), "kubernetes.io/metadata.name": n}}}
        for n in NAMESPACES
    ]


def pods(dice: Random, count: int = 7) -> list[Object]:
    return [pod(dice, i) for i in range(count)]


def pod(dice: Random, i: int) -> Object:
    host = dice.random() < 0.1
    ports = [
        {"name": name, "containerPort": number, "protocol": protocol}
        for name, (number, protocol) in ((n, dice.choice(PORTS)) for n in NAMES)
        if dice.random() < 0.6
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": dice.choice(NAMESPACES), "name": f"p{i}", "labels": labels(dice)},
        "spec": {"hostNetwork": host, "containers": [{"name": "main", "image": "none", "ports": ports}]},
        "status": {"podIP": f"192.168.0.{i + 1}" if host else f"10.0.0.{i + 1}"},
    }


def endpoint(of: Object) -> Endpoint:
    """The pod as the evaluator is given it, built apart from the code under test."""
    return Endpoint(
        namespace=of["metadata"]["namespace"],
        name=of["metadata"]["name"],
        labels=of["metadata"]["labels"],
        ports=tuple(Port(p["name"], p["containerPort"], p["protocol"]) for p in of["spec"]["containers"][0]["ports"]),
        host_network=of["spec"]["hostNetwork"],
        ip=ip_address(of["status"]["podIP"]),
    )


def selector(dice: Random) -> Object:
    chosen: Object = {}
    if dice.random() < 0.5:
        chosen["matchLabels"] = {dice.choice(KEYS): dice.choice(VALUES)}
    if dice.random() < 0.5:
        operator = dice.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        expression: Object = {"key": dice.choice(KEYS), "operator": operator}
        if operator in ("In", "NotIn"):
            expression["values"] = dice.sample(VALUES, dice.randint(1, 2))
        chosen["matchExpressions"] = [expression]
    return chosen


def block(dice: Random) -> Object:
    cidr = dice.choice(BLOCKS)
    inner = {"0.0.0.0/0": ("10.0.0.0/8", "169.254.169.254/32"), "10.0.0.0/8": ("10.0.0.4/30",), "203.0.113.0/24": ("203.0.113.8/29",)}
    excepted = dice.sample(inner.get(cidr, ()), dice.randint(0, len(inner.get(cidr, ()))))
    return {"cidr": cidr, "except": excepted} if excepted else {"cidr": cidr}


def peer(dice: Random) -> Object:
    match dice.randrange(4):
        case 0:
            return {"ipBlock": block(dice)}
        case 1:
            return {"podSelector": selector(dice)}
        case 2:
            return {"namespaceSelector": selector(dice)}
    return {"podSelector": selector(dice), "namespaceSelector": selector(dice)}


def policy_port(dice: Random) -> Object:
    number, protocol = dice.choice(PORTS)
    one: Object = {} if protocol == "TCP" and dice.random() < 0.5 else {"protocol": protocol}
    match dice.randrange(4):
        case 0:
            return {"protocol": protocol}
        case 1:
            return one | {"port": dice.choice(NAMES)}
        case 2:
            return one | {"port": number, "endPort": number + dice.choice((0, 1, 8000))}
    return one | {"port": number}


def rule(dice: Random, peers_key: str) -> Object:
    made: Object = {}
    for key, make in ((peers_key, peer), ("ports", policy_port)):
        match dice.randrange(5):
            case 0:
                pass
            case 1:
                made[key] = []
            case _:
                made[key] = [make(dice) for _ in range(dice.randint(1, 2))]
    return made


def network_policy(dice: Random, name: str) -> Object:
    spec: Object = {"podSelector": selector(dice)}
    types = dice.choice((None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    if types:
        spec["policyTypes"] = types
    for key, peers_key in (("ingress", "from"), ("egress", "to")):
        if dice.random() < 0.7:
            spec[key] = [rule(dice, peers_key) for _ in range(dice.randint(0, 2))]
    metadata = {"namespace": dice.choice(NAMESPACES), "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def network_policies(dice: Random, most: int = 6) -> list[Object]:
    return [network_policy(dice, f"policy-{i}") for i in range(dice.randint(0, most))]


def cluster_peer(dice: Random, way: str) -> Object:
    match dice.randrange(3 if way == "egress" else 2):
        case 0:
            return {"namespaces": selector(dice)}
        case 1:
            return {"pods": {"namespaceSelector": selector(dice), "podSelector": selector(dice)}}
    return {"networks": dice.sample(BLOCKS, dice.randint(1, 2))}


def cluster_protocol(dice: Random) -> Object:
    number, protocol = dice.choice(PORTS)
    match dice.randrange(4):
        case 0:
            return {protocol.lower(): {}}
        case 1:
            return {protocol.lower(): {"destinationPort": {"range": {"start": number, "end": number + 1000}}}}
        case 2:
            return {"destinationNamedPort": dice.choice(NAMES)}
    return {protocol.lower(): {"destinationPort": {"number": number}}}


def cluster_network_policies(dice: Random, most: int = 4) -> list[Object]:
    """With a priority of its own each, so that the outcome is defined."""
    found = []
    for i in range(dice.randint(0, most)):
        spec: Object = {"tier": dice.choice(("Admin", "Baseline")), "priority": i, "subject": cluster_peer(dice, "subject")}
        for way, key in (("ingress", "from"), ("egress", "to")):
            spec[way] = [
                {"action": dice.choice(("Accept", "Deny", "Pass")), key: [cluster_peer(dice, way) for _ in range(dice.randint(1, 2))]}
                | ({"protocols": [cluster_protocol(dice)]} if dice.random() < 0.6 else {})
                for _ in range(dice.randint(0, 2))
            ]
        metadata = {"name": f"cluster-policy-{i}"}
        found.append(
            {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": metadata, "spec": spec}
        )
    dice.shuffle(found)
    return found


def doubtful(dice: Random, policies: list[Object]) -> list[Object]:
    """Some of the policies with a field that no version of the API has."""
    for policy in policies:
        spec = policy["spec"]
        places = [spec, *spec.get("ingress", ()), *spec.get("egress", ())]
        if dice.random() < 0.3:
            dice.choice(places)["tomorrow"] = True
    return policies


NOBODY = HostName("never-named.example")
