"""What people and delivery tools may do inside segments: Roles and RoleBindings (rbac.authorization.k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import OPERATOR, VIEWER, Access, Factory, Permission, Session

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, Manifest

CONTROLS = (controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC)

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "patch", "update")
WORKLOADS = ("daemonsets", "deployments", "replicasets", "statefulsets")

VIEW = (
    Permission(
        resources=(
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "persistentvolumeclaims",
            "pods",
            "pods/log",
            "pods/status",
            "replicationcontrollers",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ),
        verbs=READ,
    ),
    Permission(api_groups=("apps",), resources=WORKLOADS, verbs=READ),
    Permission(api_groups=("autoscaling",), resources=("horizontalpodautoscalers",), verbs=READ),
    Permission(api_groups=("batch",), resources=("cronjobs", "jobs"), verbs=READ),
    Permission(api_groups=("discovery.k8s.io",), resources=("endpointslices",), verbs=READ),
    Permission(api_groups=("events.k8s.io",), resources=("events",), verbs=READ),
    Permission(api_groups=("kueue.x-k8s.io",), resources=("localqueues", "workloads"), verbs=READ),
    Permission(api_groups=("networking.k8s.io",), resources=("networkpolicies",), verbs=READ),
    Permission(api_groups=("policy",), resources=("poddisruptionbudgets",), verbs=READ),
    Permission(api_groups=("rbac.authorization.k8s.io",), resources=("rolebindings", "roles"), verbs=READ),
    Permission(api_groups=("resource.k8s.io",), resources=("resourceclaims", "resourceclaimtemplates"), verbs=READ),
)
"""What a `viewer` sees: everything ordinary, and no Secret."""

OPERATE = (
    Permission(resources=("configmaps", "pods", "services"), verbs=WRITE),
    Permission(resources=("pods/eviction",), verbs=("create",)),
    Permission(api_groups=("apps",), resources=WORKLOADS, verbs=WRITE),
    Permission(api_groups=("apps",), resources=("deployments/scale", "statefulsets/scale"), verbs=("get", "patch", "update")),
    Permission(api_groups=("autoscaling",), resources=("horizontalpodautoscalers",), verbs=WRITE),
    Permission(api_groups=("batch",), resources=("cronjobs", "jobs"), verbs=WRITE),
    Permission(api_groups=("policy",), resources=("poddisruptionbudgets",), verbs=WRITE),
)
"""What an `operator` does beside: run workloads. Volume claims are the deployer's, since they are data, and Secrets are nobody's."""

BUILT_IN = {VIEWER: VIEW, OPERATOR: VIEW + OPERATE}

OPENS = {
    # `get` is how clients before Kubernetes 1.35 open a WebSocket.
    Session.ATTACH: Permission(resources=("pods/attach",), verbs=("create", "get")),
    Session.EPHEMERAL_CONTAINER: Permission(resources=("pods/ephemeralcontainers",), verbs=("patch", "update")),
    Session.EXEC: Permission(resources=("pods/exec",), verbs=("create", "get")),
    Session.PORT_FORWARD: Permission(resources=("pods/portforward",), verbs=("create", "get")),
}
"""What each session asks of RBAC. ZG05 asks for the session itself."""


def plan_access(factory: Factory, after: tuple[str, ...] = ()) -> Iterator[Manifest]:
    """A Role for each role that is held in a segment, and a RoleBinding for each grant in each of its segments.

    `after` names the manifests that both wait for: guardrails stand before anybody may act, and until nobody may.
    """
    for segment, role in sorted({(segment, access.role) for access in factory.access for segment in access.segments}):
        yield _role(factory, segment, role, after)
    for access in factory.access:
        for segment in sorted(access.segments):
            yield _binding(factory, access, segment, after)


def access_component(access: Access) -> Component:
    """One row of a preview for one grant: `Access ml-research.operator`."""
    return Component("Access", names.grant(access.subject, access.role))


def describe_access(access: Access) -> dict[str, Any]:
    """What its preview row shows: who holds what, where, and why."""
    return {"subject": access.subject, "role": access.role, "segments": sorted(access.segments), "because": access.because}


def role_key(role: str) -> str:
    """Key of a Role's manifest within its segment."""
    return f"role-{role}"


def rules(factory: Factory, role: str) -> list[Body]:
    """RBAC rules of a role, those of its sessions included. Raises KeyError where there is no such role: `factory.rules` finds that."""
    if role in BUILT_IN:
        return [_rule(permission) for permission in BUILT_IN[role]]
    own = {own.name: own for own in factory.roles}[role]
    return [_rule(permission) for permission in (*own.permissions, *(OPENS[session] for session in sorted(own.sessions)))]


def _rule(permission: Permission) -> Body:
    return {
        "apiGroups": sorted(permission.api_groups),
        "resources": sorted(permission.resources),
        "verbs": sorted(permission.verbs),
    }


def _role(factory: Factory, segment: str, role: str, after: tuple[str, ...]) -> Manifest:
    because = Because(f"roles[{role}]", "what its holders may do in the segment", CONTROLS)
    namespace = names.namespace(factory.name, segment)
    content = body(
        "rbac.authorization.k8s.io/v1", "Role", role, because, factory=factory.name, namespace=namespace, rules=rules(factory, role)
    )
    return Manifest(Component("Segment", segment), role_key(role), content, because, after=after)


def _binding(factory: Factory, access: Access, segment: str, after: tuple[str, ...]) -> Manifest:
    because = Because(f"access[{access.reference}]", access.because, CONTROLS)
    component = access_component(access)
    binding = body(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        component.name,
        because,
        factory=factory.name,
        namespace=names.namespace(factory.name, segment),
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": access.role},
        subjects=[_subject(access)],
    )
    return Manifest(component, segment, binding, because, after=(f"Segment {segment}/{role_key(access.role)}", *after))


def _subject(access: Access) -> Body:
    if access.group is not None:
        return {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": access.group}
    namespace, _, name = (access.service_account or "").partition("/")
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
