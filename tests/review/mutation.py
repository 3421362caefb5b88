"""Every way to delete one object of a plan, or to loosen it by one field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from factory.plan import names, reference
from factory.review.objects import Objects

Body = dict[str, Any]
Mutant = tuple[str, Objects, Body]
"""What was done, the objects after it, and the object before it."""


def deletions(objects: Objects) -> Iterator[Mutant]:
    for position, body in enumerate(objects.bodies):
        bodies = objects.bodies[:position] + objects.bodies[position + 1 :]
        yield f"delete {reference(body)}", replace(objects, bodies=bodies), dict(body)


def widenings(objects: Objects) -> Iterator[Mutant]:
    """Each loosens one object and leaves all others alone."""
    for position, body in enumerate(objects.bodies):
        for done, mutate in WAYS.get(body["kind"], lambda body: iter(()))(dict(body)):
            copy = deepcopy(dict(body))
            mutate(copy)
            assert copy != body, f"{done} changes nothing in {reference(body)}"
            bodies = (*objects.bodies[:position], copy, *objects.bodies[position + 1 :])
            yield f"{reference(body)}: {done}", replace(objects, bodies=bodies), dict(body)


Way = tuple[str, Callable[[Body], Any]]


def _network_policy(body: Body) -> Iterator[Way]:
    spec = body["spec"]
    if spec["podSelector"]:
        yield "select every pod", lambda b: b["spec"].update(podSelector={})
    for direction, ends in (("ingress", "from"), ("egress", "to")):
        if direction in spec:
            yield f"open all {direction}", lambda b, d=direction: b["spec"][d].append({})
            if not spec[direction]:
                yield f"no longer isolate {direction}", lambda b, d=direction: b["spec"]["policyTypes"].remove(d.capitalize())
        for i, rule in enumerate(spec.get(direction, ())):
            place = f"{direction}[{i}]"
            yield f"{place}: any port", lambda b, d=direction, i=i: b["spec"][d][i].pop("ports")
            yield f"{place}: any peer", lambda b, d=direction, i=i, e=ends: b["spec"][d][i].pop(e)
            yield f"{place}: a range", lambda b, d=direction, i=i: b["spec"][d][i]["ports"][0].update(endPort=65535)
            yield f"{place}: another port", lambda b, d=direction, i=i: b["spec"][d][i]["ports"].append({"protocol": "UDP", "port": 7})
            for j, peer in enumerate(rule.get(ends, ())):

                def inner(b: Body, d: str = direction, i: int = i, e: str = ends, j: int = j) -> Body:
                    return b["spec"][d][i][e][j]

                if "ipBlock" in peer:
                    yield f"{place}: a wider block", lambda b, at=inner: at(b)["ipBlock"].update(cidr="10.0.0.0/8")
                    yield f"{place}: the internet", lambda b, at=inner: at(b)["ipBlock"].update(cidr="0.0.0.0/0")
                else:
                    yield f"{place}: any pod", lambda b, at=inner: at(b).update(podSelector={})
                    yield f"{place}: any namespace", lambda b, at=inner: at(b).update(namespaceSelector={})
                    yield (
                        f"{place}: namespaces by a label of one's own",
                        lambda b, at=inner: at(b).update(namespaceSelector={"matchLabels": {"team": "x"}}),
                    )
                    yield (
                        f"{place}: one more namespace",
                        lambda b, d=direction, i=i, e=ends: b["spec"][d][i][e].append(
                            {"namespaceSelector": {"matchLabels": {names.NAMESPACE_NAME: "mallory"}}, "podSelector": {}}
                        ),
                    )


def _namespace(body: Body) -> Iterator[Way]:
    for label in body["metadata"]["labels"]:
        yield f"without label {label}", lambda b, label=label: b["metadata"]["labels"].pop(label)
    yield "privileged pods", lambda b: b["metadata"]["labels"].update({"pod-security.kubernetes.io/enforce": "privileged"})
    yield "one more label", lambda b: b["metadata"]["labels"].update({"team": "x"})


def _policy(body: Body) -> Iterator[Way]:
    spec = body["spec"]
    for i in range(len(spec["validations"])):
        yield f"without validation {i}", lambda b, i=i: b["spec"]["validations"].pop(i)
        if spec["validations"][i]["expression"] != "true":
            yield f"validation {i} always true", lambda b, i=i: b["spec"]["validations"][i].update(expression="true")
    for i in range(len(spec["matchConstraints"]["resourceRules"])):
        yield f"without rule {i}", lambda b, i=i: b["spec"]["matchConstraints"]["resourceRules"].pop(i)
        for key in ("operations", "resources", "apiVersions"):
            yield f"rule {i}: other {key}", lambda b, i=i, k=key: b["spec"]["matchConstraints"]["resourceRules"][i].update({k: ["x"]})
    for i in range(len(spec["variables"])):
        yield f"variable {i} is empty", lambda b, i=i: b["spec"]["variables"][i].update(expression="[]")
    yield "ignore failures", lambda b: b["spec"].update(failurePolicy="Ignore")
    yield "look at nothing", lambda b: b["spec"]["matchConditions"].append({"name": "never", "expression": "false"})
    yield "look at some", lambda b: b["spec"]["matchConstraints"].update(objectSelector={"matchLabels": {"guard": "me"}})
    yield "exact matches", lambda b: b["spec"]["matchConstraints"].update(matchPolicy="Exact")
    yield (
        "pass over everything",
        lambda b: b["spec"]["matchConstraints"]["excludeResourceRules"].append(
            {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
        ),
    )


def _policy_binding(body: Body) -> Iterator[Way]:
    yield "only warn", lambda b: b["spec"].update(validationActions=["Warn"])
    yield "only audit", lambda b: b["spec"]["validationActions"].remove("Deny")
    yield "another policy", lambda b: b["spec"].update(policyName="nothing")
    yield "hold somewhere else", lambda b: b["spec"]["matchResources"].update(namespaceSelector={"matchLabels": {"team": "x"}})
    yield "hold for some", lambda b: b["spec"]["matchResources"].update(objectSelector={"matchLabels": {"guard": "me"}})
    if "paramRef" in body["spec"]:
        yield "allow without grants", lambda b: b["spec"]["paramRef"].update(parameterNotFoundAction="Allow")
        yield "other grants", lambda b: b["spec"]["paramRef"].update(name="mine")


def _role(body: Body) -> Iterator[Way]:
    yield "everything", lambda b: b["rules"].append({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})
    yield "secrets", lambda b: b["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})
    yield "one more verb", lambda b: b["rules"][0].update(verbs=[*b["rules"][0]["verbs"], "deletecollection"])
    yield "one more resource", lambda b: b["rules"][0].update(resources=[*b["rules"][0]["resources"], "secrets"])
    if any("resourceNames" in rule for rule in body["rules"]):
        yield "any name", lambda b: next(rule for rule in b["rules"] if "resourceNames" in rule).pop("resourceNames")


def _role_binding(body: Body) -> Iterator[Way]:
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "mallory"}
    yield "one more subject", lambda b: b["subjects"].append(group)
    yield "everybody", lambda b: b["subjects"][0].update(kind="Group", name="system:authenticated")
    yield "cluster-admin", lambda b: b["roleRef"].update(kind="ClusterRole", name="cluster-admin")
    if names.GRANT in body["metadata"]["labels"]:
        yield "held for longer", lambda b: b["metadata"]["labels"].update({names.CLEANUP: "2036-01-01T000000Z"})
        yield "held for good", lambda b: b["metadata"]["labels"].pop(names.CLEANUP)
        yield "an end that is never heeded", lambda b: b["metadata"]["labels"].update({names.CLEANUP: "2026-12-01T17:00:00Z"})
        yield "no grant any more", lambda b: b["metadata"]["labels"].pop(names.GRANT)


def _config_map(body: Body) -> Iterator[Way]:
    yield "one more workload", lambda b: b["data"].update(workloads=b["data"].get("workloads", "") + "\nmallory")
    yield "any registry", lambda b: b["data"].update(registries=b["data"]["registries"] + "\ndocker.io/")
    yield "data", lambda b: b["data"].update({"mallory.writes": "claims"})
    yield "sessions", lambda b: b["data"].update({"sessions.Exec": "system:authenticated"})
    yield "an unknown key", lambda b: b["data"].update({"tomorrow": "x"})
    yield "audiences", lambda b: b["data"].update(audiences=b["data"]["audiences"] + "\nhttps://kubernetes.default.svc")

    for key in [key for key in body["data"] if key.endswith(".eligible")]:
        group, approvers, longest, _ = body["data"][key].splitlines()[0].split("\t")

        def may(b: Body, line: str, key: str = key) -> None:
            b["data"].update({key: "\n".join([line, *b["data"][key].splitlines()[1:]])})

        yield f"{key}: another group", lambda b, a=approvers, n=longest, may=may: may(b, f"mallory\t{a}\t{n}\t")
        yield f"{key}: for longer", lambda b, g=group, a=approvers, may=may: may(b, f"{g}\t{a}\t999999\t")
        yield f"{key}: for who knows how long", lambda b, g=group, a=approvers, may=may: may(b, f"{g}\t{a}\t-1\t")
        if approvers:
            yield f"{key}: without consent", lambda b, g=group, n=longest, may=may: may(b, f"{g}\t\t{n}\t")
            yield f"{key}: with another's consent", lambda b, g=group, n=longest, may=may: may(b, f"{g}\tmallory\t{n}\t")
    yield "one more role for a while", lambda b: b["data"].update({"operator.eligible": "mallory\tmallory\t3600\t"})


def _spiffe_id(body: Body) -> Iterator[Way]:
    for field in ("namespaceSelector", "podSelector", "workloadSelectorTemplates", "ttl", "jwtTtl"):
        yield f"without {field}", lambda b, field=field: b["spec"].pop(field)
    for field in ("admin", "downstream", "autoPopulateDNSNames", "fallback"):
        yield field, lambda b, field=field: b["spec"].update({field: True})
    for field, more in (("federatesWith", "mallory.example"), ("dnsNameTemplates", "bank.example")):
        yield f"{field} one more", lambda b, field=field, more=more: b["spec"][field].append(more)
    yield "lives longer", lambda b: b["spec"].update(ttl="999h")
    yield "another identity", lambda b: b["spec"].update(spiffeIDTemplate="spiffe://helix.example/segment/platform/workload/alerts")


def _quota(body: Body) -> Iterator[Way]:
    for resource in body["spec"]["hard"]:
        yield f"no limit for {resource}", lambda b, r=resource: b["spec"]["hard"].pop(r)
        yield f"more {resource}", lambda b, r=resource: b["spec"]["hard"].update({r: "9999Pi"})
    yield "scopes", lambda b: b["spec"].update(scopes=["BestEffort"])


WAYS: dict[str, Callable[[Body], Iterator[Way]]] = {
    "NetworkPolicy": _network_policy,
    "Namespace": _namespace,
    "ValidatingAdmissionPolicy": _policy,
    "ValidatingAdmissionPolicyBinding": _policy_binding,
    "Role": _role,
    "ClusterRole": _role,
    "RoleBinding": _role_binding,
    "ClusterRoleBinding": _role_binding,
    "ConfigMap": _config_map,
    "ClusterSPIFFEID": _spiffe_id,
    "ResourceQuota": _quota,
    "LimitRange": lambda body: iter([("no limits", lambda b: b["spec"].update(limits=[]))]),
    "ServiceAccount": lambda body: iter(
        [
            ("a standing token", lambda b: b.update(automountServiceAccountToken=True)),
            ("no word on tokens", lambda b: b.pop("automountServiceAccountToken")),
            ("another workload", lambda b: b["metadata"]["labels"].update({names.WORKLOAD: "mallory"})),
            ("a secret", lambda b: b.update(imagePullSecrets=[{"name": "x"}])),
        ]
    ),
    "Node": lambda body: iter(
        [
            ("no taint", lambda b: b["spec"].update(taints=[])),
            ("only a preference", lambda b: b["spec"]["taints"][0].update(effect="PreferNoSchedule")),
            ("another pool", lambda b: b["metadata"]["labels"].update({names.NODE_POOL: "mallory"})),
        ]
    ),
    "PriorityClass": lambda body: iter(
        [
            ("higher", lambda b: b.update(value=999999999)),
            ("for all", lambda b: b.update(globalDefault=True)),
        ]
    ),
}
