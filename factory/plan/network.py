"""Who may talk: nothing, then one small policy for each end of each flow.

NetworkPolicy v1 adds up: a segment's `deny-all` isolates every pod in both directions, and each other policy opens one thing. It knows no
deny and no host names, so a cluster-wide tier and names come from the engine where it has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from factory.spec import METADATA, Egress, Factory, Flow, Listener, NetworkEngine, Peer, Segment, Workload

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, Manifest

CONTROLS = (controls.TENET_2, controls.TENET_3, controls.NETWORK, controls.CIS_NETWORK)


def plan_isolation(factory: Factory, segment: Segment) -> Iterator[Manifest]:
    """Nothing in, nothing out; only the cluster's DNS may be asked."""
    deny = Because(f"segments[{segment.name}]", "nothing talks unless a flow says so", CONTROLS)
    yield _policy(factory, segment.name, "deny-all", "deny-all", deny, {}, ingress=[], egress=[])

    dns = factory.cluster.dns
    because = Because("cluster.dns", "names are resolved by the cluster's DNS only", CONTROLS)
    ports = [{"protocol": protocol, "port": dns.port} for protocol in ("UDP", "TCP")]
    to = [{"to": [_pods(dns.namespace, dns.pod_labels)], "ports": ports}]
    yield _policy(factory, segment.name, "dns", "allow-dns", because, {}, egress=to)


def plan_flow(factory: Factory, flow: Flow) -> Iterator[Manifest]:
    """One policy at each end that lies in a segment: the destination lets the source in, the source may call out."""
    listener = find_listener(factory, flow)
    because = Because(f"flows[{flow.reference}]", flow.because, CONTROLS)
    ports = [{"protocol": listener.protocol.value, "port": listener.port}]
    source, destination = factory.workload.get(flow.source), factory.workload.get(flow.to)
    if destination is not None:
        name = names.flow_policy("in", destination.name, flow.source, flow.port)
        rule = [{"from": [_end(factory, flow.source)], "ports": ports}]
        yield _policy(factory, destination.segment, name, name, because, _labels(destination), ingress=rule)
    if source is not None:
        name = names.flow_policy("out", source.name, flow.to, flow.port)
        rule = [{"to": [_end(factory, flow.to)], "ports": ports}]
        yield _policy(factory, source.segment, name, name, because, _labels(source), egress=rule)


def plan_egress(factory: Factory, workload: Workload) -> Iterator[Manifest]:
    """One policy for each destination outside the cluster."""
    for egress in workload.egress:
        because = Because(f"workloads[{workload.reference}].egress[{egress.reference}]", egress.because, CONTROLS)
        name = names.egress_policy(workload.name, egress.destination, egress.port, egress.protocol.value)
        if egress.cidr is not None:
            rule = [{"to": [_block(egress.cidr)], "ports": [{"protocol": egress.protocol.value, "port": egress.port}]}]
            yield _policy(factory, workload.segment, name, name, because, _labels(workload), egress=rule)
        else:
            yield _named_host(factory, workload, egress, name, because)


def plan_cluster_tier(factory: Factory) -> Iterator[Manifest]:
    """A deny that no namespace can undo, where the engine has one: no workload reaches the cloud's metadata address."""
    component = Component("AiFactory", factory.name)
    because = Because("cluster.networkPolicy", "no workload reaches the cloud's metadata address", CONTROLS)
    name = names.cluster_wide(factory.name, "deny-metadata")
    if factory.cluster.network_policy is NetworkEngine.CILIUM:
        policy = body(
            "cilium.io/v2",
            "CiliumClusterwideNetworkPolicy",
            name,
            because,
            factory=factory.name,
            spec={
                "endpointSelector": {"matchLabels": {f"k8s:io.cilium.k8s.namespace.labels.{names.FACTORY}": factory.name}},
                # A deny rule alone would also switch default-deny on; that is the segments' own policies' business.
                "enableDefaultDeny": {"ingress": False, "egress": False},
                "egressDeny": [{"toCIDR": list(METADATA)}],
            },
        )
        yield Manifest(component, "deny-metadata", policy, because)
    if factory.cluster.cluster_network_policy:
        policy = body(
            "policy.networking.k8s.io/v1alpha2",
            "ClusterNetworkPolicy",
            name,
            because,
            factory=factory.name,
            spec={
                "tier": "Admin",
                "priority": 0,
                "subject": {"namespaces": {"matchLabels": {names.FACTORY: factory.name}}},
                "egress": [{"name": "deny-metadata", "action": "Deny", "to": [{"networks": list(METADATA)}]}],
            },
        )
        yield Manifest(component, "deny-metadata-tier", policy, because)


def find_listener(factory: Factory, flow: Flow) -> Listener:
    """The listener that a flow names. Raises KeyError where there is none: rules refuse such a spec before it is planned."""
    owner: Workload | Peer = factory.workload[flow.to] if "/" in flow.to else factory.peer[flow.to]
    for listener in owner.listens:
        if listener.name == flow.port:
            return listener
    raise KeyError(flow.reference)


def _policy(factory: Factory, segment: str, key: str, name: str, because: Because, pods: dict[str, str], **rules: list[Any]) -> Manifest:
    namespace = names.namespace(factory.name, segment)
    types = [direction.capitalize() for direction in rules]
    spec = {"podSelector": {"matchLabels": pods} if pods else {}, "policyTypes": types, **rules}
    policy = body("networking.k8s.io/v1", "NetworkPolicy", name, because, factory=factory.name, namespace=namespace, spec=spec)
    return Manifest(Component("Segment", segment), key, policy, because)


def _named_host(factory: Factory, workload: Workload, egress: Egress, name: str, because: Because) -> Manifest:
    """Cilium resolves names by watching DNS answers, so the policy also sends the lookup through its proxy."""
    dns = factory.cluster.dns
    host = egress.host or ""
    match = {"matchPattern": host} if host.startswith("*") else {"matchName": host}
    resolver = {"k8s:io.kubernetes.pod.namespace": dns.namespace, **{f"k8s:{key}": value for key, value in dns.pod_labels.items()}}
    ports = [{"port": str(dns.port), "protocol": protocol} for protocol in ("UDP", "TCP")]
    spec = {
        "endpointSelector": {"matchLabels": {f"k8s:{names.WORKLOAD}": workload.name}},
        "egress": [
            {"toEndpoints": [{"matchLabels": resolver}], "toPorts": [{"ports": ports, "rules": {"dns": [match]}}]},
            {"toFQDNs": [match], "toPorts": [{"ports": [{"port": str(egress.port), "protocol": egress.protocol.value}]}]},
        ],
    }
    namespace = names.namespace(factory.name, workload.segment)
    policy = body("cilium.io/v2", "CiliumNetworkPolicy", name, because, factory=factory.name, namespace=namespace, spec=spec)
    return Manifest(Component("Segment", workload.segment), name, policy, because)


def _end(factory: Factory, reference: str) -> Body:
    if "/" in reference:
        workload = factory.workload[reference]
        return _pods(names.namespace(factory.name, workload.segment), _labels(workload))
    peer = factory.peer[reference]
    return _block(peer.cidr) if peer.cidr is not None else _pods(peer.namespace or "", peer.pod_labels)


def _labels(workload: Workload) -> dict[str, str]:
    return {names.WORKLOAD: workload.name}


def _pods(namespace: str, labels: dict[str, str]) -> Body:
    return {
        "namespaceSelector": {"matchLabels": {names.NAMESPACE_NAME: namespace}},
        "podSelector": {"matchLabels": dict(labels)},
    }


def _block(cidr: str) -> Body:
    network = ip_network(cidr)
    inside = [address for address in METADATA if (hole := ip_network(address)).version == network.version and hole.subnet_of(network)]  # type: ignore[arg-type]
    return {"ipBlock": {"cidr": cidr, "except": inside} if inside else {"cidr": cidr}}
