"""Witnesses: those who could talk without being named, so that what a policy says about everybody else is judged too.

A policy speaks of labels, not of pods. For every selector that some policy uses there is one witness that it selects, and in every
namespace one pod without labels, so that a selector which grows too wide always selects somebody more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from factory.plan import names

from .objects import Object, Objects
from .reachability import Endpoint, Port, find_endpoints

ELSEWHERE = "any other namespace"
"""A namespace that nothing names. A real one cannot be called so."""
STRANGER = "any other pod"
"""A pod without labels."""
WORKLOAD, WITNESS = "Workload", "Pods"
"""Kinds of the endpoints that stand for all pods of one identity, and for pods that only a selector names."""


class Parties(NamedTuple):
    """Everybody who could talk."""

    endpoints: tuple[Endpoint, ...]
    namespaces: tuple[Object, ...]
    """Those that the objects do not declare: the policies only name or describe them."""


def find_parties(objects: Objects, *others: Objects) -> Parties:
    """Workloads (ServiceAccounts that bear the factory's label, and whatever has a pod template), and witnesses.

    Witnesses are also taken from the selectors of `others`, so that two versions of the same objects are judged by the same ones.
    """
    workloads = tuple(_workloads(objects))
    identities = {_identity(workload) for workload in workloads}
    templates = (each for each in find_endpoints(objects.bodies) if each.host_network or _identity(each) not in identities)
    known = dict.fromkeys((*workloads, *templates))
    declared = {body["metadata"]["name"]: body for body in objects.bodies if body["kind"] == "Namespace"}
    used = {endpoint.namespace for endpoint in known} | declared.keys()
    elsewhere: dict[str, Object] = {ELSEWHERE: _namespace(ELSEWHERE, {})}
    present = {(endpoint.namespace, frozenset(endpoint.labels.items())) for endpoint in known}
    for bodies in (objects.bodies, *(other.bodies for other in others)):
        homes = {body["metadata"]["name"]: body["metadata"].get("labels") or {} for body in bodies if body["kind"] == "Namespace"}
        for body in bodies:
            for home, namespaces, pods in _selectors(body):
                place, labels = _place(home, namespaces, homes), _satisfying(pods)
                if place not in used:
                    if place in homes:
                        continue  # a segment of the other version only
                    elsewhere.setdefault(place, _namespace(place, _satisfying(namespaces)))
                if (place, frozenset(labels.items())) not in present:
                    present.add((place, frozenset(labels.items())))
                    known[Endpoint(place, _called(labels), labels, kind=WITNESS)] = None
    for place in sorted(used | elsewhere.keys()):
        if (place, frozenset()) not in present:
            known[Endpoint(place, STRANGER, {}, kind=WITNESS)] = None
    return Parties(tuple(known), tuple(body for name, body in elsewhere.items() if name not in declared))


def _identity(endpoint: Endpoint) -> tuple[str, str, frozenset[tuple[str, str]]]:
    """What policies tell pods by. A pod template with that of a workload, and no more labels, is the workload again."""
    return endpoint.namespace, endpoint.service_account, frozenset(endpoint.labels.items())


def say_endpoint(objects: Objects, endpoint: Endpoint) -> str:
    """`training/trainer` for a workload of a segment, `pods app=proxy in ingress-nginx` for a witness."""
    place = objects.segments.get(endpoint.namespace, endpoint.namespace)
    return f"{endpoint.name} in {place}" if endpoint.kind == WITNESS else f"{place}/{endpoint.name}"


def _workloads(objects: Objects) -> Iterator[Endpoint]:
    factory = objects.stack.factory if objects.stack else None
    for body in objects.bodies:
        metadata = body["metadata"]
        name = (metadata.get("labels") or {}).get(names.WORKLOAD)
        if body["kind"] != "ServiceAccount" or name is None:
            continue
        spec = factory.workload.get(f"{objects.segments.get(metadata['namespace'])}/{name}") if factory else None
        ports = tuple(Port(listener.name, listener.port, listener.protocol.value) for listener in spec.listens) if spec else ()
        yield Endpoint(
            metadata["namespace"], metadata["name"], {names.WORKLOAD: name}, ports, kind=WORKLOAD, service_account=metadata["name"]
        )


Selector = Mapping[str, Any] | None


def _selectors(body: Object) -> Iterator[tuple[str, Selector, Selector]]:
    """Home namespace, namespace selector (None: at home) and pod selector of everybody whom a policy speaks of."""
    spec = body.get("spec") or {}
    home = str(body["metadata"].get("namespace") or "default")
    if body["kind"] == "NetworkPolicy":
        yield home, None, spec.get("podSelector")
        for rules, key in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(rules) or ():
                for peer in (rule or {}).get(key) or ():
                    if "namespaceSelector" in peer or "podSelector" in peer:
                        yield home, peer.get("namespaceSelector"), peer.get("podSelector")
    elif body["kind"] == "ClusterNetworkPolicy":
        subjects = [spec.get("subject") or {}]
        subjects += [peer for rule in spec.get("ingress") or () for peer in rule.get("from") or ()]
        subjects += [peer for rule in spec.get("egress") or () for peer in rule.get("to") or ()]
        for subject in subjects:
            if "namespaces" in subject:
                yield home, subject["namespaces"] or {}, {}
            elif pods := subject.get("pods"):
                yield home, pods.get("namespaceSelector") or {}, pods.get("podSelector")


def _place(home: str, selector: Selector, homes: Mapping[str, Mapping[str, str]]) -> str:
    """The namespace of a witness: the one that is named, the first declared one that is described, or one made up."""
    if selector is None:
        return home
    wanted = _satisfying(selector)
    if names.NAMESPACE_NAME in wanted:
        return wanted[names.NAMESPACE_NAME]
    if not wanted:
        return ELSEWHERE
    fitting = sorted(name for name, labels in homes.items() if wanted.items() <= labels.items())
    return fitting[0] if fitting else f"namespaces {_labels(wanted)}"


def _satisfying(selector: Selector) -> dict[str, str]:
    """The fewest labels that a selector selects."""
    selector = selector or {}
    labels = {str(key): str(value) for key, value in (selector.get("matchLabels") or {}).items()}
    for expression in selector.get("matchExpressions") or ():
        if expression.get("operator") == "In":
            labels.setdefault(expression["key"], str((expression.get("values") or [""])[0]))
        elif expression.get("operator") == "Exists":
            labels.setdefault(expression["key"], "any")
    return labels


def _called(labels: Mapping[str, str]) -> str:
    return f"pods {_labels(labels)}" if labels else STRANGER


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _namespace(name: str, labels: Iterable[tuple[str, str]] | Mapping[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
