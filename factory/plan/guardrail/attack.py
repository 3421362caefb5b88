"""Attacks on a factory, as data: for each guardrail, requests that it must refuse; and requests that all of them must let pass.

Every attack breaks one guardrail and no other, so that it gets through where that one is missing. None of them harms where it does: those
that create or change can be sent as dry runs, those that connect name a pod that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from factory.plan import names
from factory.plan.deployer import Resource
from factory.plan.manifest import Body
from factory.plan.pool import pool_node_selector, pool_toleration
from factory.plan.priority import priority_class
from factory.plan.trust import trust_bundle
from factory.spec import OPERATOR, DeviceApi, Factory, Session, Stage, Workload

from .guardrail import GRANTS

NAME = "drill"
"""Name of every object that an attack brings along."""

STANDING = "drill-standing"
"""Name of every object that must be there before an attack changes it."""

DIGEST = "@sha256:" + "0" * 64

TOLERATIONS = [
    {"key": f"node.kubernetes.io/{trouble}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for trouble in ("not-ready", "unreachable")
]
"""What Kubernetes gives every pod (admission plugin DefaultTolerationSeconds), and no update may take away."""


class By(StrEnum):
    """Who tries. RBAC must let them, so that it is the guardrail that refuses."""

    OPERATOR = "Operator"
    """Somebody who holds the role `operator` in the segment."""
    ADMINISTRATOR = "Administrator"
    """Somebody who may do everything by RBAC (`cluster-admin`), but is not the deployer."""
    DEPLOYER = "Deployer"
    """The deployer itself."""


class Verb(StrEnum):
    """What the request does."""

    CREATE = "create"
    PATCH = "patch"
    """A strategic merge patch of an object that is there."""
    DELETE = "delete"
    DELETE_COLLECTION = "deletecollection"
    CONNECT = "connect"
    """A session, by POST."""


@dataclass(frozen=True)
class Attempt:
    """One request to the API server."""

    guardrail: str
    """Id of the guardrail that must refuse it, or that it is a counter-example to."""
    title: str
    """What is tried, in words."""
    by: By
    """Who tries."""
    verb: Verb
    """What the request does."""
    target: Body
    """The object that it is about: at least `apiVersion`, `kind` and `metadata`."""
    body: Body | None = None
    """What is sent. Default: the target, where it is created."""
    subresource: str = ""
    """A subresource of the target."""
    query: str = ""
    """Query of a session, such as `command=id`."""
    before: Body | None = None
    """An object that must be there before, and that guardrails admit."""

    @property
    def path(self) -> str:
        """The URL's path: `/api/v1/namespaces/helix-training/pods/drill/exec`."""
        resource = Resource.of(self.target)
        metadata = self.target["metadata"]
        parts = ["api" if resource.group == "" else "apis", self.target["apiVersion"]]
        if "namespace" in metadata:
            parts += ["namespaces", metadata["namespace"]]
        parts.append(resource.plural)
        if self.verb in (Verb.PATCH, Verb.DELETE, Verb.CONNECT) or self.subresource:
            parts.append(metadata["name"])
        if self.subresource:
            parts.append(self.subresource)
        return "/" + "/".join(parts)

    def __str__(self) -> str:
        place = f"{self.target['kind'].lower()}{'/' + self.subresource if self.subresource else ''}"
        return f"{self.guardrail} {self.verb} {place}: {self.title}"


def plan_attacks(factory: Factory) -> Iterator[Attempt]:
    """What must be refused, as far as the factory has what is attacked."""
    victims = _Victims(factory)
    for guardrail, title, workload, change in _pod_attacks(victims):
        pod = plan_pod(factory, workload, bare=True)
        for carried in carriers(merge(pod, change)):
            if carried["kind"] != "Pod" or title not in TWICE:
                yield Attempt(guardrail, title, victims.writer(workload, carried["kind"]), Verb.CREATE, carried)
        for kind, carried in zip(CARRIERS, carriers(plan_pod(factory, workload, STANDING, bare=True)), strict=True):
            if title in MUTABLE.get(kind, ()) or kind not in MUTABLE:
                patch = _carried_change(kind, change)
                yield Attempt(guardrail, title, victims.writer(workload, kind), Verb.PATCH, carried, patch, before=carried)
    yield from _session_attacks(victims)
    yield from _boundary_attacks(victims)
    yield from _grant_attacks(victims)
    yield from _other_attacks(victims)


def plan_static_attacks(factory: Factory) -> Iterator[Attempt]:
    """What only policies on the API server's disk refuse."""
    policy = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"}
    target = _object(f"{policy['apiVersion']}/{policy['kind']}Binding", names.cluster_wide(factory.name, "zg01-identity"))
    yield Attempt("ZG15", "a guardrail is switched off", By.ADMINISTRATOR, Verb.DELETE, target)
    looser = {"spec": {"validationActions": ["Audit"]}}
    yield Attempt("ZG15", "a guardrail only warns", By.ADMINISTRATOR, Verb.PATCH, target, looser)


def plan_permitted(factory: Factory) -> Iterator[Attempt]:
    """What must pass: each workload's pod with everything that it is granted, in each kind that carries one, and what operators do."""
    victims = _Victims(factory)
    for workload in sorted(factory.workloads, key=lambda workload: workload.reference):
        for carried in carriers(plan_pod(factory, workload)):
            yield Attempt("ZG01", f"{workload.reference} as granted", victims.writer(workload, carried["kind"]), Verb.CREATE, carried)
    workload = victims.plain
    by, namespace = victims.operator(workload), victims.namespace(workload)
    for kind, carried in zip(CARRIERS, carriers(plan_pod(factory, workload, STANDING, bare=True)), strict=True):
        writer = victims.writer(workload, kind)
        other = {"metadata": {"annotations": {"example.org/touched": "yes"}}}
        yield Attempt("ZG01", "an annotation changes", writer, Verb.PATCH, carried, other, before=carried)
        if kind in ("Deployment", "StatefulSet", "ReplicaSet"):
            yield Attempt("ZG01", "it is scaled", writer, Verb.PATCH, carried, {"spec": {"replicas": 0}}, before=carried)
    service = _object("v1/Service", NAME, namespace, spec={"selector": {names.WORKLOAD: workload.name}, "ports": [{"port": 8443}]})
    yield Attempt("ZG13", "a cluster address", by, Verb.CREATE, service)
    yield Attempt("ZG07", "a ConfigMap of their own", by, Verb.CREATE, _object("v1/ConfigMap", NAME, namespace, data={"a": "b"}))
    yield Attempt("ZG09", "a Secret of their own", By.ADMINISTRATOR, Verb.CREATE, _object("v1/Secret", NAME, namespace))
    pod = {"containers": [{"name": "main", "image": "example.org/x"}], "tolerations": [{"key": "example.org/x", "operator": "Exists"}]}
    yield Attempt("ZG18", "a pod elsewhere", By.ADMINISTRATOR, Verb.CREATE, _object("v1/Pod", NAME, "default", spec=pod))
    agent = _object("v1/Pod", NAME, "kube-system", spec={**pod, "tolerations": [{"operator": "Exists"}]})
    yield Attempt("ZG18", "a node agent", By.ADMINISTRATOR, Verb.CREATE, agent)
    annotated = {"metadata": {"annotations": {"example.org/touched": "yes"}}}
    yield Attempt("ZG08", "a namespace is annotated", By.ADMINISTRATOR, Verb.PATCH, _object("v1/Namespace", namespace), annotated)


CARRIERS = (
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
)
"""Every kind of Kubernetes that carries a pod."""

MUTABLE: dict[str, tuple[str, ...]] = {
    "Pod": ("image of another registry", "image by tag", "label of another workload", "toleration of a pool", "toleration of everything"),
    "Job": (),
}
"""What can be changed in a pod, and in a job, after it was created: everything else Kubernetes itself refuses."""

TWICE = ("automounted API token", "hostPath")
"""What something else refuses to a pod too, though not to a template: the volume of the token ZG03, `hostPath` Pod Security."""


def carriers(pod: Body) -> Iterator[Body]:
    """The pod in each kind that carries one, in the order of `CARRIERS`."""
    metadata, spec = pod["metadata"], pod["spec"]
    template = {"metadata": {"labels": {**metadata.get("labels", {}), "app": NAME}}, "spec": spec}
    forever, once = {"restartPolicy": "Always"}, {"restartPolicy": "Never"}

    def carrier(kind: str, **content: Any) -> Body:
        return _object(kind, metadata["name"], metadata["namespace"], **content)

    def of(restart: dict[str, str]) -> Body:
        return {**template, "spec": {**spec, **restart}}

    select = {"matchLabels": {"app": NAME}}
    yield pod
    yield carrier("v1/PodTemplate", template=of(forever))
    yield carrier("v1/ReplicationController", spec={"replicas": 0, "selector": {"app": NAME}, "template": of(forever)})
    yield carrier("apps/v1/ReplicaSet", spec={"replicas": 0, "selector": select, "template": of(forever)})
    yield carrier("apps/v1/Deployment", spec={"replicas": 0, "selector": select, "template": of(forever)})
    yield carrier("apps/v1/StatefulSet", spec={"replicas": 0, "serviceName": NAME, "selector": select, "template": of(forever)})
    yield carrier("apps/v1/DaemonSet", spec={"selector": select, "template": of(forever)})
    yield carrier("batch/v1/Job", spec={"suspend": True, "template": of(once)})
    yield carrier("batch/v1/CronJob", spec={"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": of(once)}}})


def plan_pod(factory: Factory, workload: Workload, name: str = NAME, bare: bool = False) -> Body:
    """A pod of the workload that uses everything that it is granted, and that Pod Security `restricted` admits. `bare`: mounts nothing."""
    images = sorted(workload.images) or [sorted(factory.images.registries)[0] + "drill" + DIGEST]
    container: Body = {
        "name": "main",
        "image": images[0],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    volumes: list[Body] = [{"name": "scratch", "emptyDir": {}}]
    for dataset in sorted({*workload.reads, *workload.writes}):
        claim: Body = {"claimName": factory.dataset[dataset].claim_name}
        volumes.append(
            {"name": f"data-{dataset}", "persistentVolumeClaim": claim | ({} if dataset in workload.writes else {"readOnly": True})}
        )
    for model in sorted(workload.serves):
        volumes.append({"name": f"model-{model}", "image": {"reference": factory.model[model].repository + DIGEST}})
    volumes.append(
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"audience": factory.trust_domain, "path": "token"}}]}}
    )
    spec: Body = {
        "serviceAccountName": workload.name,
        "priorityClassName": priority_class(factory.name, factory.segment[workload.segment].stage),
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    } | ({} if bare else {"volumes": volumes})
    if workload.pool is not None:
        pool = factory.pool[workload.pool]
        spec |= {"nodeSelector": pool_node_selector(pool), "tolerations": [pool_toleration(pool)]}
        if pool.gpu.api is DeviceApi.DYNAMIC_RESOURCE_ALLOCATION:
            spec["resourceClaims"] = [{"name": "gpu", "resourceClaimTemplateName": pool.name}]
            container["resources"] = {"claims": [{"name": "gpu"}]}
        else:
            container["resources"] = {"limits": {pool.gpu.resource: "1"}}
    namespace = names.namespace(factory.name, workload.segment)
    pod = _object("v1/Pod", name, namespace, spec=spec)
    pod["metadata"]["labels"] = {names.WORKLOAD: workload.name}
    return pod


def merge(body: Body, change: Body) -> Body:
    """The body after a JSON merge patch (RFC 7386): `None` removes a key, a list replaces a list."""
    merged = dict(body)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge(merged[key] if isinstance(merged.get(key), dict) else {}, value)
        else:
            merged[key] = deepcopy(value)
    return merged


class _Victims:
    """Workloads that have what an attack is after."""

    def __init__(self, factory: Factory) -> None:
        self.factory = factory
        self.operated = {segment for access in factory.access if access.role == OPERATOR for segment in access.segments}
        self.workloads = sorted(factory.workloads, key=lambda workload: (workload.segment not in self.operated, workload.reference))
        self.plain = next((workload for workload in self.workloads if workload.pool is None), self.workloads[0])
        self.with_pool = next((workload for workload in self.workloads if workload.pool is not None), None)

    def operator(self, workload: Workload) -> By:
        return By.OPERATOR if workload.segment in self.operated else By.ADMINISTRATOR

    def writer(self, workload: Workload, kind: str) -> By:
        """Operators write what people write today, not its predecessors."""
        return By.ADMINISTRATOR if kind in ("PodTemplate", "ReplicationController") else self.operator(workload)

    def namespace(self, workload: Workload) -> str:
        return names.namespace(self.factory.name, workload.segment)

    def reader(self) -> Workload | None:
        return next((workload for workload in self.workloads if set(workload.reads) - set(workload.writes)), None)

    def lister(self) -> Workload | None:
        return next((workload for workload in self.workloads if workload.images), None)

    def server(self) -> Workload | None:
        return next((workload for workload in self.workloads if workload.serves), None)


def _pod_attacks(victims: _Victims) -> Iterator[tuple[str, str, Workload, Body]]:
    factory, plain = victims.factory, victims.plain
    container = plan_pod(factory, plain)["spec"]["containers"][0]
    tolerations = [*plan_pod(factory, plain)["spec"].get("tolerations", []), *TOLERATIONS]

    def spec(**change: Any) -> Body:
        return {"spec": change}

    def volume(**source: Any) -> Body:
        return spec(volumes=[{"name": "wanted", **source}])

    yield "ZG01", "no workload label", plain, {"metadata": {"labels": {names.WORKLOAD: None}}}
    yield "ZG01", "label of another workload", plain, {"metadata": {"labels": {names.WORKLOAD: f"not-{plain.name}"[:63]}}}
    yield "ZG01", "default ServiceAccount", plain, spec(serviceAccountName="default", automountServiceAccountToken=False)
    yield "ZG01", "automounted API token", plain, spec(automountServiceAccountToken=True)
    yield "ZG01", "shared process namespace", plain, spec(shareProcessNamespace=True)

    for pool in sorted(factory.pools, key=lambda pool: pool.name)[:1]:
        foreign = pool_toleration(pool)
        if plain.pool is None:
            yield "ZG02", "toleration of a pool", plain, spec(tolerations=[*tolerations, foreign])
        any_pool = {"key": names.POOL, "operator": "Exists"}
        yield "ZG02", "toleration of all pools", plain, spec(tolerations=[*tolerations, any_pool])
    yield "ZG02", "toleration of everything", plain, spec(tolerations=[*tolerations, {"operator": "Exists"}])
    gpu = {**container, "resources": {"limits": {"example.org/device": "1"}}}
    yield "ZG02", "a device without a pool", plain, spec(containers=[gpu])
    yield "ZG02", "a device in an init container", plain, spec(initContainers=[{**gpu, "name": "first"}])
    yield "ZG02", "a claim of a device", plain, spec(resourceClaims=[{"name": "gpu", "resourceClaimName": "found"}])
    yield "ZG02", "a template of another pool", plain, spec(resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "found"}])
    yield "ZG02", "a node by name", plain, spec(nodeName="node-0")
    yield "ZG02", "another scheduler", plain, spec(schedulerName="mine")
    if victims.with_pool is not None:
        yield "ZG02", "GPUs on any node", victims.with_pool, spec(nodeSelector=None)

    claim = {"claimName": "not-granted"}
    yield "ZG03", "a claim of another dataset", plain, volume(persistentVolumeClaim=claim)
    yield "ZG03", "hostPath", plain, volume(hostPath={"path": "/"})
    yield "ZG03", "a CSI driver's volume", plain, volume(csi={"driver": "secrets-store.csi.k8s.io"})
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    yield "ZG03", "a volume made for the pod", plain, volume(ephemeral={"volumeClaimTemplate": {"spec": wanted}})
    yield "ZG03", "weights of another model", plain, volume(image={"reference": "registry.example/other/model" + DIGEST})
    yield "ZG03", "a token for the API server", plain, volume(projected={"sources": [{"serviceAccountToken": {"path": "token"}}]})
    if (reader := victims.reader()) is not None:
        dataset = sorted(set(reader.reads) - set(reader.writes))[0]
        writable = {"claimName": factory.dataset[dataset].claim_name}
        yield "ZG03", "a dataset mounted to write that is only read", reader, volume(persistentVolumeClaim=writable)
    if (server := victims.server()) is not None:
        repository = factory.model[sorted(server.serves)[0]].repository
        yield "ZG03", "weights by tag", server, volume(image={"reference": f"{repository}:v1"})
        yield "ZG03", "weights of a repository whose name begins the same", server, volume(image={"reference": f"{repository}-2{DIGEST}"})

    foreign_image = {**container, "image": "registry.example/other/app" + DIGEST}
    yield "ZG04", "image of another registry", plain, spec(containers=[foreign_image])
    yield "ZG04", "image of another registry in an init container", plain, spec(initContainers=[{**foreign_image, "name": "first"}])
    if (lister := victims.lister()) is not None:
        unlisted = {
            **plan_pod(factory, lister)["spec"]["containers"][0],
            "image": f"{sorted(factory.images.registries)[0]}unlisted{DIGEST}",
        }
        yield "ZG04", "image that is not the workload's", lister, spec(containers=[unlisted])
    if factory.production if factory.images.digests is None else factory.images.digests:
        tag = {**container, "image": container["image"].split("@")[0] + ":v1"}
        yield "ZG04", "image by tag", plain, spec(containers=[tag])

    own = factory.segment[plain.segment].stage
    for stage in sorted({segment.stage for segment in factory.segments} - {own})[:1]:
        yield "ZG06", "another stage's priority", plain, spec(priorityClassName=priority_class(factory.name, Stage(stage)))


def _session_attacks(victims: _Victims) -> Iterator[Attempt]:
    factory, workload = victims.factory, victims.plain
    nobody = _object("v1/Pod", f"{NAME}-nobody", victims.namespace(workload))
    title = "nobody's role says so"
    for subresource, query in (("exec", "command=id"), ("attach", ""), ("portforward", "ports=8080"), ("proxy", "")):
        yield Attempt("ZG05", title, By.ADMINISTRATOR, Verb.CONNECT, nobody, subresource=subresource, query=query)
    service = _object("v1/Service", f"{NAME}-nobody", victims.namespace(workload))
    yield Attempt("ZG05", title, By.ADMINISTRATOR, Verb.CONNECT, service, subresource="proxy")
    pod = plan_pod(factory, workload, STANDING, bare=True)
    debug = {**pod["spec"]["containers"][0], "name": "debug"}
    patch = {"spec": {"ephemeralContainers": [debug]}}
    yield Attempt("ZG05", title, By.ADMINISTRATOR, Verb.PATCH, pod, patch, Session.EPHEMERAL_CONTAINER.lower() + "s", before=pod)


def _boundary_attacks(victims: _Victims) -> Iterator[Attempt]:
    workload = victims.plain
    namespace, by = victims.namespace(workload), By.ADMINISTRATOR
    policy = "networking.k8s.io/v1/NetworkPolicy"
    deny_all = _object(policy, "deny-all", namespace)
    open_all = _object(policy, NAME, namespace, spec={"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]})
    yield Attempt("ZG07", "a policy that lets everybody in", by, Verb.CREATE, open_all)
    yield Attempt("ZG07", "the default deny is opened", by, Verb.PATCH, deny_all, {"spec": {"egress": [{}]}})
    yield Attempt("ZG07", "the default deny is deleted", by, Verb.DELETE, deny_all)
    yield Attempt("ZG07", "all policies are deleted", by, Verb.DELETE_COLLECTION, deny_all)

    grants = _object("v1/ConfigMap", GRANTS, namespace)
    operator = victims.operator(workload)
    yield Attempt("ZG07", "a workload grants itself a pool", operator, Verb.PATCH, grants, {"data": {f"{workload.name}.pool": "any"}})
    yield Attempt("ZG07", "the grants are deleted", operator, Verb.DELETE, grants)
    yield Attempt("ZG07", "all ConfigMaps are deleted, the grants among them", by, Verb.DELETE_COLLECTION, grants)

    trust = _object("v1/ConfigMap", "kube-root-ca.crt", namespace)
    yield Attempt("ZG07", "another certificate authority", operator, Verb.PATCH, trust, {"data": {"ca.crt": "theirs"}})
    if trust_bundle(victims.factory):
        bundle = _object("v1/ConfigMap", names.BUNDLE, namespace)
        yield Attempt("ZG07", "another root", operator, Verb.PATCH, bundle, {"data": {"ca.crt": "theirs"}})

    yield Attempt("ZG07", "the container limits are deleted", by, Verb.DELETE, _object("v1/LimitRange", "limits", namespace))
    quota = _object("v1/ResourceQuota", NAME, namespace, spec={"hard": {"pods": "0"}})
    yield Attempt("ZG07", "a quota that stops everything", by, Verb.CREATE, quota)
    account = _object("v1/ServiceAccount", workload.name, namespace)
    yield Attempt("ZG07", "an identity mounts its token", by, Verb.PATCH, account, {"automountServiceAccountToken": True})
    yield Attempt("ZG07", "an identity of their own", by, Verb.CREATE, _object("v1/ServiceAccount", NAME, namespace))
    role = _object("rbac.authorization.k8s.io/v1/Role", NAME, namespace, rules=[])
    yield Attempt("ZG07", "a role of their own", by, Verb.CREATE, role)
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "me"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": OPERATOR}
    binding = _object("rbac.authorization.k8s.io/v1/RoleBinding", NAME, namespace, subjects=[subject], roleRef=reference)
    yield Attempt("ZG07", "access for themselves", by, Verb.CREATE, binding)
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": "theirs"}
    yield Attempt("ZG07", "a claim of their own", by, Verb.CREATE, _object("v1/PersistentVolumeClaim", NAME, namespace, spec=wanted))
    claim = _object("resource.k8s.io/v1/ResourceClaim", NAME, namespace, spec={"devices": {}})
    yield Attempt("ZG07", "a device claim of their own", by, Verb.CREATE, claim)


def _grant_attacks(victims: _Victims) -> Iterator[Attempt]:
    place = victims.namespace(victims.plain)
    metadata = {
        "name": names.held(OPERATOR, NAME),
        "namespace": place,
        "labels": {names.GRANT: "true", names.CLEANUP: "9999-12-31T235959Z"},
        "annotations": {names.EXPIRES_AT: "9999-12-31T23:59:59Z", names.REASON: NAME, names.REQUESTED_BY: NAME},
    }
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": OPERATOR}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata, "roleRef": reference}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": NAME}
    yield Attempt("ZG17", "a role for ever, that nobody agreed to", By.ADMINISTRATOR, Verb.CREATE, {**binding, "subjects": [subject]})


def _other_attacks(victims: _Victims) -> Iterator[Attempt]:
    factory, workload = victims.factory, victims.plain
    namespace, by = victims.namespace(workload), By.ADMINISTRATOR
    segment = _object("v1/Namespace", namespace)

    def labels(**change: str | None) -> Body:
        return {"metadata": {"labels": change}}

    factory_label: dict[str, str | None] = {names.FACTORY: None}
    security: dict[str, str | None] = {"pod-security.kubernetes.io/enforce": "privileged"}
    yield Attempt("ZG08", "the factory's label is taken away", by, Verb.PATCH, segment, labels(**factory_label))
    yield Attempt("ZG08", "Pod Security is loosened", by, Verb.PATCH, segment, labels(**security))
    yield Attempt("ZG08", "Pod Security is loosened by a status update", by, Verb.PATCH, segment, labels(**security), "status")
    yield Attempt("ZG08", "a segment is deleted", by, Verb.DELETE, segment)
    false = _object("v1/Namespace", NAME)
    false["metadata"]["labels"] = {names.FACTORY: factory.name}
    yield Attempt("ZG08", "a false segment", by, Verb.CREATE, false)
    joined = labels(**{names.FACTORY: factory.name})
    yield Attempt("ZG08", "another namespace joins the factory", by, Verb.PATCH, _object("v1/Namespace", "default"), joined)

    secret = _object("v1/Secret", NAME, namespace, type="kubernetes.io/service-account-token")
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": workload.name}
    yield Attempt("ZG09", "a token that lasts for ever", by, Verb.CREATE, secret)
    account = _object("v1/ServiceAccount", workload.name, namespace)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [factory.trust_domain]}}
    yield Attempt("ZG09", "a workload's token", by, Verb.CREATE, account, request, "token")

    for access in sorted(factory.access, key=lambda access: access.reference)[:1]:
        place = names.namespace(factory.name, sorted(access.segments)[0])
        role = _object("rbac.authorization.k8s.io/v1/Role", access.role, place)
        for title, rule in (
            ("every verb", {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}),
            ("every resource", {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["get"]}),
            ("every group", {"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]}),
            ("every subresource", {"apiGroups": [""], "resources": ["pods/*"], "verbs": ["create"]}),
            ("to become somebody", {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}),
            ("to grant anything", {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]}),
            ("tokens of workloads", {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}),
        ):
            yield Attempt("ZG10", f"a role grants {title}", By.DEPLOYER, Verb.PATCH, role, {"rules": [rule]})
        binding = _object("rbac.authorization.k8s.io/v1/RoleBinding", names.grant(access.subject, access.role), place)
        group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}
        yield Attempt("ZG11", "a role for everybody", By.DEPLOYER, Verb.PATCH, binding, {"subjects": [group]})
        other = {"kind": "ServiceAccount", "namespace": "default", "name": "default"}
        yield Attempt("ZG11", "a role for a ServiceAccount elsewhere", By.DEPLOYER, Verb.PATCH, binding, {"subjects": [other]})

    standing = plan_pod(factory, workload, STANDING, bare=True)
    relabelled = labels(**{names.WORKLOAD: f"not-{workload.name}"[:63]})
    yield Attempt("ZG01", "label of another workload by a status update", by, Verb.PATCH, standing, relabelled, "status", before=standing)

    pod = _object("v1/Pod", f"{NAME}-nobody", namespace)
    placed = _object("v1/Binding", f"{NAME}-nobody", namespace, target={"apiVersion": "v1", "kind": "Node", "name": "node-0"})
    yield Attempt("ZG12", "a pod is put on a node", by, Verb.CREATE, pod, placed, "binding")

    operator = victims.operator(workload)
    for title, spec in (
        ("a node port", {"type": "NodePort"}),
        ("a load balancer", {"type": "LoadBalancer"}),
        ("a name outside", {"type": "ExternalName", "externalName": "example.org"}),
        ("an address outside", {"externalIPs": ["203.0.113.1"]}),
    ):
        yield Attempt("ZG13", title, operator, Verb.CREATE, _object("v1/Service", NAME, namespace, spec={"ports": [{"port": 80}], **spec}))

    for title, spec in _outsider_attacks(victims.factory):
        outsider = _object("v1/Pod", NAME, "default", spec={"containers": [{"name": "main", "image": "example.org/x"}], **spec})
        yield Attempt("ZG18", title, By.ADMINISTRATOR, Verb.CREATE, outsider)

    elsewhere = _object("networking.k8s.io/v1/NetworkPolicy", NAME, "default", spec={"podSelector": {}})
    yield Attempt("ZG14", "a policy in somebody's namespace", By.DEPLOYER, Verb.CREATE, elsewhere)
    taken = _object("v1/Namespace", "default")
    yield Attempt("ZG14", "somebody's namespace is taken over", By.DEPLOYER, Verb.PATCH, taken, joined)
    yield Attempt("ZG14", "somebody's namespace is deleted", By.DEPLOYER, Verb.DELETE, _object("v1/Namespace", "kube-node-lease"))


def _outsider_attacks(factory: Factory) -> Iterator[tuple[str, Body]]:
    """What a pod of another namespace must not say."""
    yield "a pod elsewhere tolerates everything", {"tolerations": [{"operator": "Exists"}]}
    yield "a pod elsewhere names its node", {"nodeName": "node-0"}
    yield "a pod elsewhere takes a stage's priority", {"priorityClassName": priority_class(factory.name, factory.segments[0].stage)}
    for pool in factory.pools[:1]:
        yield "a pod elsewhere tolerates a pool", {"tolerations": [pool_toleration(pool)]}
        yield "a pod elsewhere tolerates all pools", {"tolerations": [{"key": names.POOL, "operator": "Exists"}]}


def _carried_change(kind: str, change: Body) -> Body:
    """A change of the pod, where a kind carries it."""
    if kind == "Pod":
        return change
    template: Body = {"template": change}
    return template if kind == "PodTemplate" else {"spec": {"jobTemplate": {"spec": template}} if kind == "CronJob" else template}


def _object(kind: str, name: str, namespace: str | None = None, **content: Any) -> Body:
    api_version, _, kind = kind.rpartition("/")
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
