"""The subtle points of policy semantics, one small case each: the policies, the question, the verdict and the object that decided."""

# ruff: noqa: E501 - a policy reads best on one line

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml

from factory.review.reachability import Endpoint, HostName, Network, Peer, Port, Reach, Verdict, find_endpoints

CAST = {
    str(e): e
    for e in (
        Endpoint("red", "web", {"app": "web", "tier": "front"}, (Port("http", 8080), Port("dns", 53, "UDP"))),
        Endpoint("red", "db", {"app": "db"}, (Port("http", 9000),)),
        Endpoint("blue", "web", {"app": "web"}, (Port("http", 9090),)),
        Endpoint("blue", "located", {"app": "located"}, ip=ip_address("10.0.0.7")),
        Endpoint("blue", "node", {"app": "node"}, (Port("http", 9100),), host_network=True, ip=ip_address("192.168.0.1")),
        Endpoint("blue", "replicas", {"app": "replicas"}, kind="Deployment"),
    )
}
NAMESPACES = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "red", "labels": {"team": "red"}}},
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "blue", "labels": {"team": "blue"}}},
]
API = {
    "NetworkPolicy": "networking.k8s.io/v1",
    "ClusterNetworkPolicy": "policy.networking.k8s.io/v1alpha2",
    "CiliumNetworkPolicy": "cilium.io/v2",
    "CiliumClusterwideNetworkPolicy": "cilium.io/v2",
}


def policies(text: str) -> list[dict[str, Any]]:
    """`- Kind namespace/name: spec` as objects; a bare `namespace/name` is a NetworkPolicy."""
    found = []
    for entry in yaml.safe_load(text) or []:
        ((head, spec),) = entry.items()
        kind, _, where = head.rpartition(" ")
        kind = kind or "NetworkPolicy"
        namespace, _, name = where.rpartition("/")
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        found.append({"apiVersion": API.get(kind, "example.org/v1"), "kind": kind, "metadata": metadata, "spec": spec})
    return found


def peer(text: str) -> Peer:
    if text in CAST:
        return CAST[text]
    if "/" in text:
        return ip_network(text)
    try:
        return ip_address(text)
    except ValueError:
        return HostName(text)


def ask(text: str, question: str) -> Verdict:
    source, _, destination, where = question.split()
    number, protocol = where.split("/")
    network = Network(NAMESPACES + policies(text), CAST.values())
    return network.may_reach(peer(source), peer(destination), int(number) if number.isdigit() else number, protocol)


# name: (policies, [question = verdict because of object, ...])
CASES: dict[str, tuple[str, list[str]]] = {
    "no policies: everybody may reach everybody, in and out": (
        "",
        ["red/web -> blue/web 1/SCTP = Allowed", "red/web -> 8.8.8.8 443/TCP = Allowed", "8.8.8.8 -> red/web 443/TCP = Allowed"],
    ),
    "a policy isolates the pods it selects in its own namespace only": (
        "- red/p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}",
        [
            "blue/web -> red/web 80/TCP = Denied by NetworkPolicy red/p",
            "blue/web -> red/db 80/TCP = Allowed",
            "red/web -> blue/web 80/TCP = Allowed",
        ],
    ),
    "an empty podSelector selects every pod of the namespace": (
        "- red/p: {podSelector: {}}",
        ["blue/web -> red/db 80/TCP = Denied by NetworkPolicy red/p", "red/db -> blue/web 80/TCP = Allowed"],
    ),
    "without policyTypes, egress rules isolate both ways": (
        "- red/p: {podSelector: {}, egress: [{}]}",
        ["red/web -> blue/web 80/TCP = Allowed by NetworkPolicy red/p", "blue/web -> red/web 80/TCP = Denied by NetworkPolicy red/p"],
    ),
    "without policyTypes, an empty egress list does not isolate egress": (
        "- red/p: {podSelector: {}, egress: []}",
        ["red/web -> blue/web 80/TCP = Allowed", "blue/web -> red/web 80/TCP = Denied by NetworkPolicy red/p"],
    ),
    "with policyTypes Egress, ingress rules are ignored and ingress stays open": (
        "- red/p: {podSelector: {}, policyTypes: [Egress], ingress: [{from: [{podSelector: {}}]}]}",
        ["red/web -> blue/web 80/TCP = Denied by NetworkPolicy red/p", "blue/web -> red/web 80/TCP = Allowed"],
    ),
    "an empty ingress list allows nothing": (
        "- red/p: {podSelector: {}, ingress: []}",
        ["red/db -> red/web 80/TCP = Denied by NetworkPolicy red/p", "8.8.8.8 -> red/web 80/TCP = Denied by NetworkPolicy red/p"],
    ),
    "an empty rule allows everything": (
        "- red/p: {podSelector: {}, ingress: [{}]}",
        ["blue/web -> red/web 80/TCP = Allowed by NetworkPolicy red/p", "8.8.8.8 -> red/web 80/SCTP = Allowed by NetworkPolicy red/p"],
    ),
    "an empty from, like a missing one, allows every source": (
        "- red/p: {podSelector: {}, ingress: [{from: [], ports: [{port: 80}]}]}",
        ["8.8.8.8 -> red/web 80/TCP = Allowed by NetworkPolicy red/p", "8.8.8.8 -> red/web 81/TCP = Denied by NetworkPolicy red/p"],
    ),
    "an empty ports list, like a missing one, allows every port": (
        "- red/p: {podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: []}]}",
        ["red/db -> red/web 1/SCTP = Allowed by NetworkPolicy red/p", "blue/web -> red/web 1/SCTP = Denied by NetworkPolicy red/p"],
    ),
    "podSelector alone means the policy's own namespace": (
        "- red/p: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
        ["red/web -> red/db 80/TCP = Allowed by NetworkPolicy red/p", "blue/web -> red/db 80/TCP = Denied by NetworkPolicy red/p"],
    ),
    "two selectors in one peer must both hold": (
        "- red/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: web}}}]}]}",
        ["blue/web -> red/db 80/TCP = Allowed by NetworkPolicy red/p", "blue/located -> red/db 80/TCP = Denied by NetworkPolicy red/p"],
    ),
    "two selectors in two peers: either may hold": (
        "- red/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: web}}}]}]}",
        ["blue/located -> red/db 80/TCP = Allowed by NetworkPolicy red/p", "red/web -> red/db 80/TCP = Allowed by NetworkPolicy red/p"],
    ),
    "an empty namespaceSelector means every namespace, but nobody outside": (
        "- red/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}",
        ["blue/web -> red/db 80/TCP = Allowed by NetworkPolicy red/p", "8.8.8.8 -> red/db 80/TCP = Denied by NetworkPolicy red/p"],
    ),
    "the name label of a namespace is there without being written": (
        "- red/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: blue}}}]}]}",
        ["blue/web -> red/db 80/TCP = Allowed by NetworkPolicy red/p", "red/web -> red/db 80/TCP = Denied by NetworkPolicy red/p"],
    ),
    "NotIn and DoesNotExist hold for a missing key, In and Exists do not": (
        """
        - red/n: {podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [front]}]}}], ports: [{port: 1}]}]}
        - red/d: {podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}], ports: [{port: 2}]}]}
        - red/i: {podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: tier, operator: In, values: [front, back]}]}}], ports: [{port: 3}]}]}
        - red/e: {podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}], ports: [{port: 4}]}]}
        """,
        [
            "red/db -> red/web 1/TCP = Allowed by NetworkPolicy red/n",
            "red/web -> red/db 1/TCP = Denied by NetworkPolicy red/n",
            "red/db -> red/web 2/TCP = Allowed by NetworkPolicy red/d",
            "red/web -> red/db 2/TCP = Denied by NetworkPolicy red/d",
            "red/db -> red/web 3/TCP = Denied by NetworkPolicy red/i",
            "red/web -> red/db 3/TCP = Allowed by NetworkPolicy red/i",
            "red/db -> red/web 4/TCP = Denied by NetworkPolicy red/e",
            "red/web -> red/db 4/TCP = Allowed by NetworkPolicy red/e",
        ],
    ),
    "policies add up: what one allows, another cannot take away": (
        """
        - red/deny: {podSelector: {}, policyTypes: [Ingress, Egress]}
        - red/allow: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {}}]}]}
        """,
        ["blue/web -> red/web 80/TCP = Allowed by NetworkPolicy red/allow", "blue/web -> red/db 80/TCP = Denied by NetworkPolicy red/deny"],
    ),
    "both ends must agree": (
        """
        - red/p: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}]}]}
        - blue/p: {podSelector: {}, policyTypes: [Ingress]}
        """,
        ["red/web -> blue/web 80/TCP = Denied by NetworkPolicy blue/p", "red/web -> red/db 80/TCP = Allowed by NetworkPolicy red/p"],
    ),
    "ipBlock with except": (
        "- red/p: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 8.0.0.0/8, except: [8.8.0.0/16]}}]}]}",
        [
            "red/web -> 8.1.1.1 443/TCP = Allowed by NetworkPolicy red/p",
            "red/web -> 8.8.1.1 443/TCP = Denied by NetworkPolicy red/p",
            "red/web -> 8.0.0.0/8 443/TCP = Allowed by NetworkPolicy red/p",
            "red/web -> 8.8.0.0/16 443/TCP = Denied by NetworkPolicy red/p",
            "red/web -> 8.8.1.0/24 443/TCP = Denied by NetworkPolicy red/p",
            "red/web -> ::/0 443/TCP = Denied by NetworkPolicy red/p",
        ],
    ),
    "ipBlock finds a pod by its address if that is known, and only then": (
        "- red/p: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
        ["red/web -> blue/located 80/TCP = Allowed by NetworkPolicy red/p", "red/web -> blue/web 80/TCP = Denied by NetworkPolicy red/p"],
    ),
    "IPv6 and IPv4 blocks do not meet": (
        "- red/p: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: '2001:db8::/32', except: ['2001:db8:1::/48']}}]}]}",
        [
            "red/web -> 2001:db8::1 443/TCP = Allowed by NetworkPolicy red/p",
            "red/web -> 2001:db8:1::1 443/TCP = Denied by NetworkPolicy red/p",
            "red/web -> 8.8.8.8 443/TCP = Denied by NetworkPolicy red/p",
        ],
    ),
    "a port without protocol is TCP": (
        "- red/p: {podSelector: {}, ingress: [{ports: [{port: 53}]}]}",
        ["red/db -> red/web 53/TCP = Allowed by NetworkPolicy red/p", "red/db -> red/web 53/UDP = Denied by NetworkPolicy red/p"],
    ),
    "a protocol without port is all its ports": (
        "- red/p: {podSelector: {}, ingress: [{ports: [{protocol: SCTP}]}]}",
        ["red/db -> red/web 65535/SCTP = Allowed by NetworkPolicy red/p", "red/db -> red/web 1/TCP = Denied by NetworkPolicy red/p"],
    ),
    "endPort is part of its range": (
        "- red/p: {podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8010}]}]}",
        [
            "red/db -> red/web 7999/TCP = Denied by NetworkPolicy red/p",
            "red/db -> red/web 8000/TCP = Allowed by NetworkPolicy red/p",
            "red/db -> red/web 8010/TCP = Allowed by NetworkPolicy red/p",
            "red/db -> red/web 8011/TCP = Denied by NetworkPolicy red/p",
        ],
    ),
    "a port name is resolved by each destination, at ingress": (
        "- red/p: {podSelector: {}, ingress: [{ports: [{port: http}]}]}",
        [
            "blue/web -> red/web 8080/TCP = Allowed by NetworkPolicy red/p",
            "blue/web -> red/web http/TCP = Allowed by NetworkPolicy red/p",
            "blue/web -> red/db 8080/TCP = Denied by NetworkPolicy red/p",
            "blue/web -> red/db 9000/TCP = Allowed by NetworkPolicy red/p",
        ],
    ),
    "a port name is resolved by each destination, at egress, and by nobody outside": (
        "- red/p: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}",
        [
            "red/web -> blue/web 9090/TCP = Allowed by NetworkPolicy red/p",
            "red/web -> red/db 9000/TCP = Allowed by NetworkPolicy red/p",
            "red/db -> red/web 9000/TCP = Denied by NetworkPolicy red/p",
            "red/web -> 8.8.8.8 80/TCP = Denied by NetworkPolicy red/p",
        ],
    ),
    "a port name of another protocol is another port": (
        "- red/p: {podSelector: {}, ingress: [{ports: [{port: dns, protocol: TCP}]}]}",
        ["red/db -> red/web 53/TCP = Denied by NetworkPolicy red/p", "red/db -> red/web 53/UDP = Denied by NetworkPolicy red/p"],
    ),
    "a pod may reach itself, a replica not its twin": (
        "- red/p: {podSelector: {}, policyTypes: [Ingress, Egress]}\n- blue/p: {podSelector: {}, policyTypes: [Ingress, Egress]}",
        ["red/web -> red/web 80/TCP = Allowed", "blue/replicas -> blue/replicas 80/TCP = Denied by NetworkPolicy blue/p"],
    ),
    "policies do not apply to host network": (
        "- blue/p: {podSelector: {}, policyTypes: [Ingress, Egress]}",
        ["red/web -> blue/node 80/TCP = Allowed", "blue/node -> red/web 80/TCP = Allowed"],
    ),
    "no selector finds host network, an ipBlock does": (
        """
        - red/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}
        - red/q: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 192.168.0.0/16}}]}]}
        """,
        ["blue/node -> red/web 80/TCP = Denied by NetworkPolicy red/p", "blue/node -> red/db 80/TCP = Allowed by NetworkPolicy red/q"],
    ),
    "Admin Deny comes before what a NetworkPolicy allows, Admin Accept before what one isolates": (
        """
        - ClusterNetworkPolicy deny: {tier: Admin, priority: 1, subject: {namespaces: {matchLabels: {team: red}}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}]}]}
        - ClusterNetworkPolicy accept: {tier: Admin, priority: 2, subject: {namespaces: {}}, ingress: [{action: Accept, from: [{namespaces: {}}]}]}
        - red/allow: {podSelector: {matchLabels: {app: web}}, ingress: [{}]}
        - red/isolate: {podSelector: {}}
        """,
        [
            "blue/web -> red/web 80/TCP = Denied by ClusterNetworkPolicy deny",
            "red/web -> red/db 80/TCP = Allowed by ClusterNetworkPolicy accept",
            "8.8.8.8 -> red/db 80/TCP = Denied by NetworkPolicy red/isolate",
        ],
    ),
    "Pass skips the rest of its tier, not the next": (
        """
        - ClusterNetworkPolicy pass: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Pass, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}]}]}
        - ClusterNetworkPolicy deny: {tier: Admin, priority: 2, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}
        - red/isolate: {podSelector: {matchLabels: {app: db}}}
        """,
        [
            "blue/web -> red/web 80/TCP = Allowed by ClusterNetworkPolicy pass",
            "red/db -> red/web 80/TCP = Denied by ClusterNetworkPolicy deny",
            "blue/web -> red/db 80/TCP = Denied by NetworkPolicy red/isolate",
        ],
    ),
    "Baseline decides only where no NetworkPolicy isolates in that direction": (
        """
        - ClusterNetworkPolicy base: {tier: Baseline, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}], egress: [{action: Deny, to: [{networks: [169.254.169.254/32]}]}]}
        - red/allow: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{}]}
        """,
        [
            "blue/web -> red/web 80/TCP = Allowed by NetworkPolicy red/allow",
            "blue/web -> red/db 80/TCP = Denied by ClusterNetworkPolicy base",
            "red/web -> 169.254.169.254 80/TCP = Denied by ClusterNetworkPolicy base",
            "red/web -> 8.8.8.8 80/TCP = Allowed",
        ],
    ),
    "a lower priority value comes first, then the order of the rules": (
        """
        - ClusterNetworkPolicy late: {tier: Admin, priority: 900, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]}
        - ClusterNetworkPolicy early: {tier: Admin, priority: 9, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [8.8.8.8/32]}]}, {action: Accept, to: [{networks: [8.0.0.0/8]}]}]}
        """,
        [
            "red/web -> 8.8.8.8 80/TCP = Denied by ClusterNetworkPolicy early",
            "red/web -> 8.8.4.4 80/TCP = Allowed by ClusterNetworkPolicy early",
            "red/web -> 9.9.9.9 80/TCP = Denied by ClusterNetworkPolicy late",
        ],
    ),
    "equal priorities that disagree are unknown where they meet, and only there": (
        """
        - ClusterNetworkPolicy one: {tier: Admin, priority: 5, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [8.0.0.0/8]}]}]}
        - ClusterNetworkPolicy two: {tier: Admin, priority: 5, subject: {namespaces: {matchLabels: {team: red}}}, egress: [{action: Accept, to: [{networks: [8.8.0.0/16]}]}]}
        """,
        ["red/web -> 8.8.8.8 80/TCP = Unknown by ClusterNetworkPolicy two", "red/web -> 9.9.9.9 80/TCP = Allowed"],
    ),
    "ClusterNetworkPolicy ports: numbers, ranges, names, whole protocols": (
        """
        - ClusterNetworkPolicy ports:
            tier: Admin
            priority: 1
            subject: {namespaces: {}}
            ingress:
            - {action: Accept, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 80}}}, {tcp: {destinationPort: {range: {start: 100, end: 200}}}}, {destinationNamedPort: dns}, {sctp: {}}]}
            - {action: Deny, from: [{namespaces: {}}]}
        """,
        [
            "red/db -> red/web 80/TCP = Allowed by ClusterNetworkPolicy ports",
            "red/db -> red/web 200/TCP = Allowed by ClusterNetworkPolicy ports",
            "red/db -> red/web 201/TCP = Denied by ClusterNetworkPolicy ports",
            "red/db -> red/web 53/UDP = Allowed by ClusterNetworkPolicy ports",
            "red/web -> red/db 53/UDP = Denied by ClusterNetworkPolicy ports",
            "red/db -> red/web 7/SCTP = Allowed by ClusterNetworkPolicy ports",
        ],
    ),
    "a domain name is a peer by its name": (
        """
        - ClusterNetworkPolicy names: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Accept, to: [{domainNames: ['*.pypi.org']}]}, {action: Deny, to: [{networks: [0.0.0.0/0, '::/0']}]}]}
        - red/p: {podSelector: {}, policyTypes: [Egress]}
        """,
        [
            "red/web -> *.pypi.org 443/TCP = Allowed by ClusterNetworkPolicy names",
            "red/web -> npmjs.com 443/TCP = Denied by NetworkPolicy red/p",
        ],
    ),
    "nodes as peers are not known": (
        "- ClusterNetworkPolicy nodes: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}]}]}",
        ["red/web -> 8.8.8.8 443/TCP = Unknown by ClusterNetworkPolicy nodes"],
    ),
    "Cilium: a host name is allowed by name, DNS rules do not narrow": (
        """
        - CiliumNetworkPolicy red/names:
            endpointSelector: {}
            egress:
            - {toFQDNs: [{matchName: pypi.org}, {matchPattern: '*.pythonhosted.org'}], toPorts: [{ports: [{port: '443', protocol: TCP}]}]}
            - toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': blue, app: web}}]
              toPorts: [{ports: [{port: '53', protocol: ANY}], rules: {dns: [{matchPattern: '*'}]}}]
        """,
        [
            "red/web -> pypi.org 443/TCP = Allowed by CiliumNetworkPolicy red/names",
            "red/web -> pypi.org 80/TCP = Denied by CiliumNetworkPolicy red/names",
            "red/web -> *.pythonhosted.org 443/TCP = Allowed by CiliumNetworkPolicy red/names",
            "red/web -> blue/web 53/UDP = Allowed by CiliumNetworkPolicy red/names",
            "red/web -> 8.8.8.8 443/TCP = Denied by CiliumNetworkPolicy red/names",
            "blue/web -> red/web 443/TCP = Allowed",
        ],
    ),
    "Cilium: layer 7 rules are unknown": (
        """
        - CiliumNetworkPolicy red/http: {endpointSelector: {}, ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: '80'}], rules: {http: [{method: GET}]}}]}]}
        """,
        [
            "red/db -> red/web 80/TCP = Unknown by CiliumNetworkPolicy red/http",
            "red/db -> red/web 81/TCP = Denied by CiliumNetworkPolicy red/http",
            "blue/web -> red/web 80/TCP = Denied by CiliumNetworkPolicy red/http",
        ],
    ),
    "Cilium: deny wins over every allow, a NetworkPolicy's too": (
        """
        - CiliumClusterwideNetworkPolicy metadata: {endpointSelector: {}, egressDeny: [{toCIDR: [169.254.169.254/32]}], enableDefaultDeny: {egress: false}}
        - red/p: {podSelector: {}, policyTypes: [Egress], egress: [{}]}
        """,
        [
            "red/web -> 169.254.169.254 80/TCP = Denied by CiliumClusterwideNetworkPolicy metadata",
            "red/web -> 8.8.8.8 80/TCP = Allowed by NetworkPolicy red/p",
            "blue/web -> 169.254.169.254 80/TCP = Denied by CiliumClusterwideNetworkPolicy metadata",
            "blue/web -> 8.8.8.8 80/TCP = Allowed",
        ],
    ),
    "Cilium: a deny section isolates, an empty section does not, an empty rule allows nothing": (
        """
        - CiliumNetworkPolicy red/p: {endpointSelector: {matchLabels: {app: web}}, ingressDeny: [{fromEntities: [world]}], egress: []}
        - CiliumNetworkPolicy red/q: {endpointSelector: {matchLabels: {app: db}}, ingress: [{}], egress: [{toEndpoints: []}]}
        """,
        [
            "red/db -> red/web 80/TCP = Denied by CiliumNetworkPolicy red/p",
            "red/web -> blue/web 80/TCP = Allowed",
            "red/web -> red/db 80/TCP = Denied by CiliumNetworkPolicy red/q",
            "red/db -> blue/web 80/TCP = Denied by CiliumNetworkPolicy red/q",
        ],
    ),
    "Cilium: entities": (
        """
        - CiliumNetworkPolicy red/p: {endpointSelector: {}, egress: [{toEntities: [cluster]}, {toEntities: [world], toPorts: [{ports: [{port: '443'}]}]}, {toEntities: [kube-apiserver]}]}
        """,
        [
            "red/web -> blue/web 1/UDP = Allowed by CiliumNetworkPolicy red/p",
            "red/web -> blue/node 1/UDP = Allowed by CiliumNetworkPolicy red/p",
            "red/web -> 8.8.8.8 443/TCP = Allowed by CiliumNetworkPolicy red/p",
            "red/web -> 8.8.8.8 80/TCP = Denied by CiliumNetworkPolicy red/p",
            "red/web -> kube-apiserver 6443/TCP = Allowed by CiliumNetworkPolicy red/p",
        ],
    ),
    "Cilium: what is not known could mean anybody": (
        "- CiliumNetworkPolicy red/p: {endpointSelector: {}, egress: [{toServices: [{k8sService: {serviceName: x}}]}]}",
        ["red/web -> 8.8.8.8 443/TCP = Unknown by CiliumNetworkPolicy red/p", "blue/web -> 8.8.8.8 443/TCP = Allowed"],
    ),
    "a field that the API does not have makes its rule unknown, not the others": (
        "- red/p: {podSelector: {}, ingress: [{from: [{podSelector: {}, serviceAccountSelector: {}}]}, {from: [{namespaceSelector: {}}]}]}",
        ["8.8.8.8 -> red/web 80/TCP = Unknown by NetworkPolicy red/p", "blue/web -> red/web 80/TCP = Allowed by NetworkPolicy red/p"],
    ),
    "a CIDR that is none makes its rule unknown": (
        "- red/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]}",
        ["8.8.8.8 -> red/web 80/TCP = Unknown by NetworkPolicy red/p"],
    ),
    "a policy kind that is not known makes everything unknown, except what is certain before it": (
        "- GlobalNetworkPolicy g: {selector: all()}",
        ["red/web -> blue/web 80/TCP = Unknown by GlobalNetworkPolicy g", "red/web -> red/web 80/TCP = Allowed"],
    ),
}
QUESTIONS = [(case, question) for case, (_, questions) in CASES.items() for question in questions]


@pytest.mark.parametrize(("case", "question"), QUESTIONS, ids=[f"{case}: {question}" for case, question in QUESTIONS])
def test_semantics(case: str, question: str) -> None:
    """The verdict is the documented one, and names the object that made it; where no policy applies, it names none."""
    asked, _, expected = question.partition(" = ")
    reach, _, by = expected.partition(" by ")
    verdict = ask(CASES[case][0], asked)
    assert verdict.reach == reach, str(verdict)
    assert bool(verdict.unknown) is (verdict.reach is Reach.Unknown)
    assert by in {str(r.object) for r in verdict.reasons} if by else not verdict.reasons, str(verdict)


def test_a_verdict_says_in_words_what_made_it() -> None:
    """Each end is named with object, field and effect, so that a reader can go there."""
    text = "- red/out: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}]}]}"
    said = str(ask(text, "red/web -> blue/web 80/TCP"))
    assert said == "Allowed: NetworkPolicy red/out spec.egress[0] allows egress; no policy restricts ingress"


def test_what_is_not_understood_is_said_with_its_place() -> None:
    """The doubt names the field, the value and what would do."""
    verdict = ask("- red/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]}", "8.8.8.8 -> red/web 80/TCP")
    assert "spec.ingress[0].from[0].ipBlock.cidr: not a CIDR block such as 10.0.0.0/8" in verdict.unknown[0]
    assert "write 10.0.0.0/32" in verdict.unknown[0]


def test_an_object_can_be_found_again_from_a_reason() -> None:
    """A reason's reference leads to the object as it was given, annotations and all."""
    (policy,) = policies("- red/p: {podSelector: {}}")
    policy["metadata"]["annotations"] = {"example.org/because": "nightly build"}
    network = Network([*NAMESPACES, policy], CAST.values())
    (reason,) = network.may_reach(CAST["blue/web"], CAST["red/web"], 80).reasons
    assert network.objects[reason.object] is policy


def test_namespaces_that_no_object_declares_are_known_by_name_only() -> None:
    """A selector on another label perhaps selects them; one on the name decides."""
    text = """
    - red/label: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: 1}]}]}
    - red/name: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: blue}}}], ports: [{port: 2}]}]}
    """
    network = Network(policies(text), CAST.values())
    blue, red = CAST["blue/web"], CAST["red/web"]
    assert [network.may_reach(blue, red, n).reach for n in (1, 2, 3)] == ["Unknown", "Allowed", "Denied"]
    assert "no object declares the namespace blue" in network.may_reach(blue, red, 1).unknown[0]


def test_pod_networks_say_where_pods_without_address_are() -> None:
    """A block that covers them selects such pods, one that overlaps perhaps does, one apart does not."""
    blocks = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "172.16.0.0/12")
    egress = ", ".join(f"{{to: [{{ipBlock: {{cidr: {b}}}}}], ports: [{{port: {i + 1}}}]}}" for i, b in enumerate(blocks))
    text = f"- red/p: {{podSelector: {{}}, policyTypes: [Egress], egress: [{egress}]}}"
    network = Network(NAMESPACES + policies(text), CAST.values(), pod_networks=[ip_network("10.1.0.0/16")])
    reach = [network.may_reach(CAST["red/web"], CAST["blue/web"], i + 1).reach for i in range(len(blocks))]
    assert reach == ["Allowed", "Allowed", "Unknown", "Denied"]


@pytest.mark.parametrize(
    ("question", "error", "said"),
    [
        ("red/web -> red/web https/TCP", LookupError, "red/web has no TCP port named 'https'"),
        ("red/web -> red/web 0/TCP", ValueError, "port 0 is not between 1 and 65535"),
        ("red/web -> red/web 80/ICMP", ValueError, "protocol 'ICMP' is not one of TCP, UDP, SCTP"),
    ],
)
def test_questions_that_have_no_answer(question: str, error: type[Exception], said: str) -> None:
    """They are refused with what is wrong and what would do."""
    with pytest.raises(error, match=said):
        ask("", question)


def test_an_endpoint_that_the_network_does_not_have() -> None:
    with pytest.raises(LookupError, match="Pod red/ghost is not among the endpoints"):
        Network([], CAST.values()).may_reach(Endpoint("red", "ghost"), CAST["red/web"], 80)


WORKLOADS = """
- {apiVersion: v1, kind: Pod, metadata: {namespace: red, name: done}, spec: {containers: []}, status: {phase: Succeeded}}
- apiVersion: v1
  kind: Pod
  metadata: {namespace: red, name: agent, labels: {app: agent}}
  spec: {hostNetwork: true, serviceAccountName: agent, containers: [{name: a, ports: [{name: dns, containerPort: 53, protocol: UDP}, {containerPort: 80}]}]}
  status: {phase: Running, podIP: 192.168.0.1}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {namespace: red, name: web}
  spec: {template: {metadata: {labels: {app: web}}, spec: {initContainers: [{restartPolicy: Always, ports: [{name: mesh, containerPort: 15001}]}], containers: [{ports: [{name: http, containerPort: 80}]}]}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: red, name: web-1, ownerReferences: [{kind: ReplicaSet, name: web-7}]}, spec: {containers: []}}
- {apiVersion: apps/v1, kind: ReplicaSet, metadata: {namespace: red, name: web-7, ownerReferences: [{kind: Deployment, name: web}]}, spec: {template: {}}}
- {apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly}, spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: nightly}}}}}}}
- {apiVersion: v1, kind: Service, metadata: {namespace: red, name: web}}
"""


def test_endpoints_are_found_among_objects() -> None:
    """Pods that run and pod templates, each once, with what a policy sees of them."""
    agent = Endpoint("red", "agent", {"app": "agent"}, (Port("dns", 53, "UDP"),), True, ip_address("192.168.0.1"), service_account="agent")
    web = Endpoint("red", "web", {"app": "web"}, (Port("http", 80), Port("mesh", 15001)), kind="Deployment")
    nightly = Endpoint("default", "nightly", {"app": "nightly"}, kind="CronJob")
    assert find_endpoints(yaml.safe_load(WORKLOADS)) == (agent, web, nightly)
