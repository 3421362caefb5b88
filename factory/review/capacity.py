"""Nodes that others make, and queues for them: what Karpenter, Cluster API, Kueue and device classes are told, as facts.

A fact about what a node is like (its image, its role, its taints) is part of its object: when the whole object comes or goes, that is told
once. What makes a node unsafe is told always.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from factory.plan import names

from .fact import Fact, Topic, Weight, quantity
from .objects import Name, Object, Objects, find_because

Say = Callable[..., Fact]
HOURS = {"s": Decimal(1) / 3600, "m": Decimal(1) / 60, "h": Decimal(1)}


def _sayer(body: Object) -> Say:
    """How facts of one object are made: a part of it, for a better use of nodes, unless said otherwise."""
    name = Name.of(body)

    def say(
        key: tuple[str, ...],
        said: str,
        *,
        opens: bool = True,
        weight: Weight = Weight.LOW,
        amount: Decimal | None = None,
        part: bool = True,
    ) -> Fact:
        return Fact(Topic.CAPACITY, (*name, *key), said, opens, weight, (name,), find_because(body), amount, name.namespace, part)

    return say


def _neutral(say: Say, field: str, said: str) -> Fact:
    """What is neither more nor less: that it changed is told."""
    return say((field,), said, amount=Decimal(0))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _labels(say: Say, who: str, labels: Any) -> Iterator[Fact]:
    for key, value in (labels or {}).items():
        yield say(("label", key, str(value)), f"{who} bear label {key}={value}", weight=Weight.MEDIUM)


def _taints(say: Say, who: str, taints: Any, kind: str = "") -> Iterator[Fact]:
    for taint in taints or ():
        word = f"{taint.get('key')}={taint.get('value', '')}:{taint.get('effect')}"
        until = {"startup": " until they are ready", "OnInitialization": " until they are ready"}.get(
            kind or taint.get("propagation", ""), ""
        )
        weight = Weight.LOW if until else Weight.MEDIUM
        said = f"{who} are closed{until} to pods that do not tolerate {word}"
        yield say(("taint", word, until), said, opens=False, weight=weight)


def _life(said: Any) -> Decimal | None:
    number, unit = str(said)[:-1], str(said)[-1:]
    return Decimal(number) * HOURS[unit] if number.isdecimal() and unit in HOURS else None


def _node_pool(_: Objects, body: Object) -> Iterator[Fact]:
    """Karpenter's NodePool (https://karpenter.sh/docs/concepts/nodepools/)."""
    say, spec, name = _sayer(body), body.get("spec") or {}, body["metadata"]["name"]
    template = spec.get("template") or {}
    inner, nodes = template.get("spec") or {}, f"nodes of {name}"
    yield say((), f"Karpenter makes nodes by NodePool {name}", part=False)
    yield from _labels(say, nodes, (template.get("metadata") or {}).get("labels"))
    yield from _taints(say, nodes, inner.get("taints"))
    yield from _taints(say, nodes, inner.get("startupTaints"), "startup")
    for requirement in inner.get("requirements") or ():
        key, operator, values = requirement.get("key"), requirement.get("operator"), requirement.get("values") or ()
        if (least := requirement.get("minValues")) is not None:
            yield say(("least", key), f"{nodes} may have {least} or more of {key}", opens=False, amount=-Decimal(least))
        if operator == "In":
            yield say(("listed", key), f"{nodes} are made with a listed {key} only", opens=False)
            for value in values:
                yield say(("requirement", key, value), f"{nodes} may have {key} {value}")
        else:
            yield say(("requirement", key, operator, *values), f"{nodes} are made with {key} {operator} {', '.join(values)}", opens=False)
    if reference := inner.get("nodeClassRef"):
        said = f"{reference.get('kind')} {reference.get('name')}"
        yield say(("class", said, str(reference.get("group"))), f"{nodes} are made as {said}", weight=Weight.HIGH)
    for resource, limit in (spec.get("limits") or {}).items():
        yield say(("limit", resource), f"{name} makes nodes for {limit} of {resource} at most", opens=False, amount=quantity(limit))
    for field, word in (("expireAfter", "are replaced after"), ("terminationGracePeriod", "are drained for at most")):
        if (life := inner.get(field)) is not None:
            yield say((field,), f"{nodes} {word} {life}", opens=False, amount=_life(life))
    if disruption := spec.get("disruption"):
        yield _neutral(say, "disruption", f"{nodes} go when {_plain(disruption)} says so")


def _node_class(_: Objects, body: Object) -> Iterator[Fact]:
    """Karpenter's EC2NodeClass (https://karpenter.sh/docs/concepts/nodeclasses/)."""
    say, spec, name = _sayer(body), body.get("spec") or {}, body["metadata"]["name"]
    nodes = f"nodes of class {name}"
    yield say((), f"EC2NodeClass {name} says how nodes are made", part=False)
    if role := spec.get("role"):
        yield say(("role", role), f"{nodes} act in the cloud as role {role}", weight=Weight.HIGH)
    for field, word, weight in (
        ("amiSelectorTerms", "start from image", Weight.HIGH),
        ("subnetSelectorTerms", "stand in subnets", Weight.HIGH),
        ("securityGroupSelectorTerms", "are reached by the rules of security groups", Weight.HIGH),
    ):
        for term in spec.get(field) or ():
            said = _plain(term.get("alias") or term.get("id") or term)
            yield say((field, _plain(term)), f"{nodes} {word} {said}", weight=weight)
    if spec.get("associatePublicIPAddress") is not False:
        yield say(("public",), f"{nodes} may have a public address", weight=Weight.CRITICAL, part=False)
    metadata = spec.get("metadataOptions") or {}
    if metadata.get("httpTokens", "required") != "required":
        said = f"{nodes} lend their credentials to whoever asks once (IMDSv1)"
        yield say(("imds",), said, weight=Weight.CRITICAL, part=False)
    hops = metadata.get("httpPutResponseHopLimit", 1)
    yield say(("hops",), f"{nodes} answer for their credentials over {hops} hops", weight=Weight.CRITICAL, amount=quantity(hops))
    for field, usual in (("httpEndpoint", "enabled"), ("httpProtocolIPv6", "disabled")):
        if metadata.get(field, usual) == "enabled":
            yield say((field,), f"{nodes} have {field} of instance metadata enabled", weight=Weight.MEDIUM)
    for mapping in spec.get("blockDeviceMappings") or ():
        device, volume = str(mapping.get("deviceName")), mapping.get("ebs") or {}
        if volume.get("encrypted") is not True:
            yield say(("clear", device), f"{nodes} hold {device} unencrypted", weight=Weight.CRITICAL, part=False)
        if volume.get("deleteOnTermination") is not True:
            yield say(("left", device), f"{nodes} leave {device} behind", weight=Weight.HIGH, part=False)
        rest = {key: value for key, value in mapping.items() if key != "deviceName"}
        yield _neutral(say, f"volume {device}", f"{nodes} have {device} as {_plain(rest)}")
    yield _neutral(say, "tags", f"{nodes} are tagged {_plain(spec.get('tags') or {})}")


def _machines(_: Objects, body: Object) -> Iterator[Fact]:
    """Cluster API's MachineDeployment (https://cluster-api.sigs.k8s.io)."""
    say, spec, name = _sayer(body), body.get("spec") or {}, Name.of(body)
    template = spec.get("template") or {}
    inner, labels = template.get("spec") or {}, (template.get("metadata") or {}).get("labels")
    machines = f"machines of {name.namespace}/{name.name}"
    yield say((), f"Cluster API makes machines by MachineDeployment {name.namespace}/{name.name}", part=False)
    yield from _labels(say, machines, labels)
    yield from _taints(say, machines, inner.get("taints"))
    count = spec.get("replicas", 1)
    yield say(("replicas",), f"there are {count} {machines}", amount=quantity(count))
    for cluster in dict.fromkeys((spec.get("clusterName"), inner.get("clusterName"))):
        yield say(("cluster", str(cluster)), f"{machines} join cluster {cluster}", weight=Weight.HIGH)
    if version := inner.get("version"):
        yield say(("version", version), f"{machines} run Kubernetes {version}", weight=Weight.MEDIUM)
    for field, word in (("bootstrap", "are set up by"), ("infrastructureRef", "are made as")):
        if value := inner.get(field):
            reference = value.get("configRef") or value
            said = f"{reference.get('kind')} {reference.get('name')}" if "kind" in reference else _plain(value)
            yield say((field, _plain(value)), f"{machines} {word} {said}", weight=Weight.HIGH)
    yield _neutral(say, "selector", f"{machines} are those with {_plain(spec.get('selector'))}")


def _cluster_queue(objects: Objects, body: Object) -> Iterator[Fact]:
    """Kueue's ClusterQueue (https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/). Without a namespaceSelector nobody may queue."""
    say, spec, name = _sayer(body), body.get("spec") or {}, body["metadata"]["name"]
    yield say((), f"queue {name} gives out GPUs", part=False)
    selector = spec.get("namespaceSelector")
    expressions: Sequence[Any] = (selector or {}).get("matchExpressions") or ()
    only = expressions[0] if len(expressions) == 1 and len(selector or {}) == 1 else {}
    if only.get("key") == names.NAMESPACE_NAME and only.get("operator") == "In":
        for namespace in only.get("values") or ():
            yield say(("waits", namespace), f"jobs of {objects.segments.get(namespace, namespace)} may wait in queue {name}", part=False)
    elif selector is not None:
        whom = f"namespaces with {_plain(selector)}" if selector else "every namespace"
        yield say(("waits", _plain(selector)), f"jobs of {whom} may wait in queue {name}", weight=Weight.HIGH, part=False)
    if cohort := spec.get("cohortName"):
        yield say(("cohort", cohort), f"queue {name} borrows and lends in cohort {cohort}")
    for group in spec.get("resourceGroups") or ():
        for flavor in group.get("flavors") or ():
            for item in flavor.get("resources") or ():
                what = f"{item.get('name')} of {flavor.get('name')}"
                for field, word, opens in (
                    ("nominalQuota", "gives out", True),
                    ("borrowingLimit", "borrows at most", False),
                    ("lendingLimit", "lends at most", False),
                ):
                    if (amount := item.get(field)) is not None:
                        said = f"queue {name} {word} {amount} {what}"
                        yield say((field, str(flavor.get("name")), str(item.get("name"))), said, opens=opens, amount=quantity(amount))
    groups = [
        {**group, "flavors": [flavor.get("name") for flavor in group.get("flavors") or ()]} for group in spec.get("resourceGroups") or ()
    ]
    yield _neutral(say, "order", f"queue {name} tries flavors in the order {_plain(groups)}")
    for field in ("queueingStrategy", "preemption"):
        if value := spec.get(field):
            yield say((field, _plain(value)), f"queue {name} has {field} {_plain(value)}")


def _local_queue(objects: Objects, body: Object) -> Iterator[Fact]:
    say, name, queue = _sayer(body), Name.of(body), str((body.get("spec") or {}).get("clusterQueue"))
    place = objects.segments.get(name.namespace, name.namespace)
    yield say(("enters", queue), f"jobs of {place} enter queue {queue} by {name.name}", part=False)


def _flavor(_: Objects, body: Object) -> Iterator[Fact]:
    """Kueue's ResourceFlavor. Its tolerations are given to every job that gets it: a way past the taints of a pool."""
    say, spec, name = _sayer(body), body.get("spec") or {}, body["metadata"]["name"]
    yield say((), f"queues may name the nodes of flavor {name}", part=False)
    yield from _labels(say, f"nodes of flavor {name}", spec.get("nodeLabels"))
    yield from _taints(say, f"nodes of flavor {name}", spec.get("nodeTaints"))
    for toleration in spec.get("tolerations") or ():
        said = f"jobs that get flavor {name} tolerate {_plain(toleration)}"
        yield say(("toleration", _plain(toleration)), said, weight=Weight.HIGH, part=False)


def _device_class(_: Objects, body: Object) -> Iterator[Fact]:
    say, name = _sayer(body), body["metadata"]["name"]
    yield say((), f"devices may be claimed by class {name}", part=False)
    for selector in (body.get("spec") or {}).get("selectors") or ():
        said = str((selector.get("cel") or {}).get("expression") or _plain(selector))
        yield say(("selector", said), f"devices of class {name} are those where {said}", opens=False, weight=Weight.MEDIUM)


def _claim_template(objects: Objects, body: Object) -> Iterator[Fact]:
    say, name = _sayer(body), Name.of(body)
    place = objects.segments.get(name.namespace, name.namespace)
    yield say((), f"pods of {place} may claim devices by {name.name}", part=False)
    claim = ((body.get("spec") or {}).get("spec") or {}).get("devices") or {}
    for request in claim.get("requests") or ():
        key, exactly = str(request.get("name")), request.get("exactly") or {}
        rest = {field: value for field, value in request.items() if field not in ("name", "exactly")}
        what = str(exactly.get("deviceClassName") or _plain(rest))
        said = f"a claim by {name.name} in {place} is for {exactly.get('count', 1)} of {what}"
        yield say(("claim", key, what), said, weight=Weight.MEDIUM, amount=quantity(exactly.get("count", 1)))
        if exactly.get("adminAccess"):
            said = f"a claim by {name.name} in {place} is for devices in use, as their administrator"
            yield say(("admin", key), said, weight=Weight.CRITICAL, part=False)
        more = {field: value for field, value in exactly.items() if field not in ("deviceClassName", "count", "adminAccess")}
        yield say(("how", key, _plain(more)), f"a claim by {name.name} in {place} is filled with {_plain(more)}")


READERS: Mapping[str, Callable[[Objects, Object], Iterator[Fact]]] = {
    "NodePool": _node_pool,
    "EC2NodeClass": _node_class,
    "MachineDeployment": _machines,
    "ClusterQueue": _cluster_queue,
    "LocalQueue": _local_queue,
    "ResourceFlavor": _flavor,
    "DeviceClass": _device_class,
    "ResourceClaimTemplate": _claim_template,
}
"""What each kind says."""


def _of_template(*fields: str) -> tuple[tuple[str, ...], ...]:
    return tuple(("spec", "template", "spec", field) for field in fields)


UNDERSTOOD: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "NodePool": (
        ("spec", "limits"),
        ("spec", "disruption"),
        ("spec", "template", "metadata", "labels"),
        *_of_template("taints", "startupTaints", "requirements", "nodeClassRef", "expireAfter", "terminationGracePeriod"),
    ),
    "EC2NodeClass": tuple(
        ("spec", *path)
        for path in (
            ("role",),
            ("amiSelectorTerms",),
            ("subnetSelectorTerms",),
            ("securityGroupSelectorTerms",),
            ("associatePublicIPAddress",),
            ("blockDeviceMappings",),
            ("tags",),
            *(("metadataOptions", key) for key in ("httpEndpoint", "httpTokens", "httpPutResponseHopLimit", "httpProtocolIPv6")),
        )
    ),
    "MachineDeployment": (
        ("spec", "clusterName"),
        ("spec", "replicas"),
        ("spec", "selector"),
        ("spec", "template", "metadata", "labels"),
        *_of_template("clusterName", "version", "bootstrap", "infrastructureRef", "taints"),
    ),
    "ClusterQueue": tuple(
        ("spec", field) for field in ("namespaceSelector", "cohortName", "resourceGroups", "queueingStrategy", "preemption")
    ),
    "LocalQueue": (("spec", "clusterQueue"),),
    "ResourceFlavor": tuple(("spec", field) for field in ("nodeLabels", "nodeTaints", "tolerations")),
    "DeviceClass": (("spec", "selectors"),),
    "ResourceClaimTemplate": (("spec", "spec", "devices", "requests"),),
}
"""Of each kind the fields whose whole meaning is in its facts."""
