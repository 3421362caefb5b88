"""What the deployer may do: exactly what the plan needs, computed from the plan.

A cluster administrator applies this once, before the first `pulumi up`, and again when a kind or a role comes new. To create a Role one
must hold all that it grants, or the verb `escalate`; to bind it likewise, or `bind` (Kubernetes, *Using RBAC Authorization*, privilege
escalation prevention). To hold it all would let the deployer run pods and read logs itself, in every namespace, so it has `escalate` and
`bind` instead, on Roles of the planned names only. That it uses them nowhere but in its own segments is ZG14, which is applied with these
rights and is not the deployer's to change; what it may write into them is ZG10 and ZG11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from factory.spec import Factory

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, Manifest

CONTROLS = (controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC)

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "patch")
"""Server-side apply creates and changes by patch; where the object is new the API server asks for `create` of that name too."""

NAMED = (
    "ClusterTrustBundle",
    "ConfigMap",
    "CronJob",
    "Deployment",
    "LimitRange",
    "Node",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "ResourceQuota",
    "Role",
    "Service",
    "StatefulSet",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
"""Kinds of which the deployer writes the planned names only: no segment, workload or flow brings a new one, and a node is not its own."""


class Resource(NamedTuple):
    """A kind, as RBAC names it."""

    group: str
    plural: str

    @classmethod
    def of(cls, manifest: Body) -> Resource:
        """The resource of an object. Kinds of the plan have regular plurals."""
        group, _, _ = manifest["apiVersion"].rpartition("/")
        kind = manifest["kind"].lower()
        if kind.endswith("y"):
            return cls(group, f"{kind[:-1]}ies")
        return cls(group, f"{kind}es" if kind.endswith("s") else f"{kind}s")


def plan_deployer(factory: Factory, manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """The ClusterRole of the deployer, and its binding to the user that the spec names.

    Volume claims of datasets are beside the plan, since their size and class are the storage's business, but nobody else may create them.
    """
    because = Because("deployer.user", "may build this factory, and nothing else", CONTROLS)
    component = Component("AiFactory", factory.name)
    planned = tuple(manifests)
    rules = [rule for resource, bodies in _by_resource(planned).items() for rule in _rules(resource, bodies)]
    if factory.datasets:
        rules.append(_rule(Resource("", "persistentvolumeclaims"), (*READ, *WRITE)))
    name = names.cluster_wide(factory.name, "deployer")
    yield _cluster_role(factory, component, "deployer", rules, because)
    binding = body(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        name,
        because,
        factory=factory.name,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        subjects=[subject(factory.deployer.user)],
    )
    yield Manifest(component, "deployer-binding", binding, because, after=(f"{component}/deployer",))


def _by_resource(manifests: Iterable[Manifest]) -> dict[Resource, list[Manifest]]:
    found: dict[Resource, list[Manifest]] = {}
    for manifest in manifests:
        found.setdefault(Resource.of(manifest.body), []).append(manifest)
    return dict(sorted(found.items()))


def _rules(resource: Resource, manifests: list[Manifest]) -> Iterator[Body]:
    kind = manifests[0].body["kind"]
    planned = tuple(sorted({manifest.body["metadata"]["name"] for manifest in manifests}))
    write = ("patch",) if all(manifest.patch for manifest in manifests) else WRITE
    if kind in NAMED:
        # Whoever makes a policy with parameters must be able to read all objects of their kind: the API server insists.
        yield _rule(resource, READ)
        yield _rule(resource, (*write, *(("bind", "escalate") if kind == "Role" else ())), planned)
    else:
        yield _rule(resource, (*READ, *write))


def _rule(resource: Resource, verbs: Iterable[str], named: tuple[str, ...] = ()) -> Body:
    rule: Body = {"apiGroups": [resource.group], "resources": [resource.plural], "verbs": sorted(verbs)}
    return rule | ({"resourceNames": list(named)} if named else {})


def _cluster_role(factory: Factory, component: Component, key: str, rules: list[Body], because: Because) -> Manifest:
    name = names.cluster_wide(factory.name, key)
    return Manifest(
        component,
        key,
        body("rbac.authorization.k8s.io/v1", "ClusterRole", name, because, factory=factory.name, rules=rules),
        because,
    )


def subject(user: str) -> Body:
    """The user as a binding names it. A ServiceAccount is bound as one, so that whoever reads the binding sees what it is."""
    if user.startswith("system:serviceaccount:"):
        namespace, _, name = user.removeprefix("system:serviceaccount:").partition(":")
        return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
