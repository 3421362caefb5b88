"""What people and delivery tools may do inside segments: Roles and RoleBindings (rbac.authorization.k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Access, Factory, Permission

from . import controls, names
from .body import body
from .catalogue import OPENS, permissions, sessions
from .manifest import Because, Body, Component, Manifest

CONTROLS = (controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC)


def plan_access(factory: Factory, after: tuple[str, ...] = ()) -> Iterator[Manifest]:
    """A Role for each role that is or may be held in a segment, and a RoleBinding for each standing grant in each of its segments.

    `after` names the manifests that both wait for: guardrails stand before anybody may act, and until nobody may.
    """
    held = {(segment, access.role) for access in factory.access for segment in access.segments}
    held |= {(segment, eligibility.role) for eligibility in factory.eligibility for segment in eligibility.segments}
    for segment, role in sorted(held | {(grant.segment, grant.role) for grant in factory.grants}):
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
    opened = (OPENS[session] for session in sorted(sessions(factory, role)))
    return [_rule(permission) for permission in (*permissions(factory)[role], *opened)]


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
    return Manifest(
        component, segment, binding, because, after=(f"Segment {segment}/{role_key(access.role)}", names.parameters(segment), *after)
    )


def _subject(access: Access) -> Body:
    if access.group is not None:
        return {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": access.group}
    namespace, _, name = (access.service_account or "").partition("/")
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
