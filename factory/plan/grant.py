"""Roles that people hold for a while: who may ask and who may agree, what pull requests grant, and who takes it away in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from factory.spec import Factory, Grant

from . import controls, names
from .access import role_key
from .body import body
from .deployer import subject
from .manifest import Because, Body, Component, Manifest

CONTROLS = (controls.TENET_3, controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC)

RBAC = "rbac.authorization.k8s.io"

CLEANER = "system:serviceaccount:kyverno:kyverno-cleanup-controller"
"""Kyverno's cleanup controller, as its Helm chart installs it."""

VERBS = {names.ASK: ("create", "delete", "get", "list", "watch"), names.APPROVE: ("delete", "get", "list", "patch", "update", "watch")}
"""What who asks, and who agrees, does with RoleBindings. Of which ones, and how, is ZG17's to say."""


class Right(NamedTuple):
    """A group that may ask for a role, or agree that somebody holds it."""

    group: str
    role: str
    act: str
    """`ask` or `approve`."""

    @property
    def component(self) -> Component:
        """One row of a preview: `Access staff:leads.operator:approve`."""
        return Component("Access", names.grant(self.group, self.name))

    @property
    def name(self) -> str:
        """The Role that gives it: `operator:approve`."""
        return f"{self.role}:{self.act}"


def rights(factory: Factory) -> dict[Right, list[str]]:
    """Who may ask and agree, with the segments in which."""
    found: dict[Right, set[str]] = {}
    for eligibility in factory.eligibility:
        for act, group in ((names.ASK, eligibility.group), (names.APPROVE, eligibility.approvers)):
            if group is not None:
                found.setdefault(Right(group, eligibility.role, act), set()).update(eligibility.segments)
    return {right: sorted(segments) for right, segments in sorted(found.items())}


def plan_eligibility(factory: Factory, after: tuple[str, ...] = ()) -> Iterator[Manifest]:
    """The Roles and RoleBindings by which people ask for roles and agree. `after` names the manifests that they wait for."""
    found = rights(factory)
    for name, segment in sorted({(right.name, segment) for right, segments in found.items() for segment in segments}):
        yield _role(factory, name, segment, after)
    for right, segments in found.items():
        for segment in segments:
            yield _binding(factory, right, segment, after)


def plan_grant(factory: Factory, grant: Grant, after: tuple[str, ...] = ()) -> Manifest:
    """The RoleBinding of a grant by pull request. It bears its end, so that it goes in time whether or not anybody deploys."""
    because = Because(f"grants[{grant.reference}]", grant.reason, CONTROLS)
    annotations = {names.EXPIRES_AT: grant.until, names.REASON: grant.reason, names.REQUESTED_BY: grant.user}
    annotations |= {names.APPROVED_BY: grant.approver} | ({names.TICKET: grant.ticket} if grant.ticket else {})
    binding = body(
        f"{RBAC}/v1",
        "RoleBinding",
        names.held(grant.role, grant.user),
        because,
        factory=factory.name,
        namespace=names.namespace(factory.name, grant.segment),
        labels={names.GRANT: "true", names.CLEANUP: cleanup_time(grant.until)},
        roleRef={"apiGroup": RBAC, "kind": "Role", "name": grant.role},
        subjects=[{"apiGroup": RBAC, "kind": "User", "name": grant.user}],
    )
    binding["metadata"]["annotations"] |= annotations
    return Manifest(
        grant_component(grant),
        grant.segment,
        binding,
        because,
        (f"Segment {grant.segment}/{role_key(grant.role)}", names.parameters(grant.segment), *after),
    )


def plan_cleanup(factory: Factory) -> Iterator[Manifest]:
    """What Kyverno's cleanup controller needs to end grants, where there may be any: part of the bootstrap.

    It asks for the kind in the whole cluster. In segments it can take away nothing but grants: the others are ZG07's.
    """
    if not (factory.eligibility or factory.grants):
        return
    because = Because("eligibility", "Kyverno's cleanup controller ends grants in time", CONTROLS)
    component, name = Component("AiFactory", factory.name), names.cluster_wide(factory.name, "cleanup")
    rule = {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": ["delete", "get", "list", "watch"]}
    yield Manifest(component, "cleanup", body(f"{RBAC}/v1", "ClusterRole", name, because, factory=factory.name, rules=[rule]), because)
    binding = body(
        f"{RBAC}/v1",
        "ClusterRoleBinding",
        name,
        because,
        factory=factory.name,
        roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        subjects=[subject(CLEANER)],
    )
    yield Manifest(component, "cleanup-binding", binding, because, after=(f"{component}/cleanup",))


def cleanup_time(moment: str) -> str:
    """A moment as a label may hold it, and as Kyverno reads it: `2026-12-01T17:00:00Z` is `2026-12-01T170000Z`."""
    return moment.replace(":", "")


def grant_component(grant: Grant) -> Component:
    """One row of a preview for one grant: `Access staff:alice.operator:held`."""
    return Component("Access", names.grant(grant.user, f"{grant.role}:held"))


def describe_rights(factory: Factory) -> Iterator[tuple[Component, dict[str, Any]]]:
    """What preview rows show: who may ask for a role or agree, and who holds one until when."""
    for right, segments in rights(factory).items():
        intent: dict[str, Any] = {"group": right.group, "role": right.role, "may": right.act, "segments": segments}
        longest = {eligibility.longest for eligibility in factory.eligibility if eligibility.reference == f"{right.group}: {right.role}"}
        yield right.component, intent | ({"longest": sorted(longest)} if right.act == names.ASK else {})
    for grant in sorted(factory.grants, key=lambda grant: grant.reference):
        yield grant_component(grant), {"user": grant.user, "role": grant.role, "until": {grant.segment: grant.until}}


def _role(factory: Factory, name: str, segment: str, after: tuple[str, ...]) -> Manifest:
    role, _, act = name.partition(":")
    reason = f"{'asks for' if act == names.ASK else 'agrees to'} the role {role}, within what ZG17 lets"
    because = Because("eligibility", reason, CONTROLS)
    rules: list[Body] = [
        {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": list(VERBS[act])},
        # Without it the API server would want them to hold the role themselves (privilege escalation prevention).
        {"apiGroups": [RBAC], "resources": ["roles"], "resourceNames": [role], "verbs": ["bind"]},
    ]
    content = body(f"{RBAC}/v1", "Role", name, because, factory=factory.name, namespace=names.namespace(factory.name, segment), rules=rules)
    return Manifest(Component("Segment", segment), role_key(name), content, because, after=after)


def _binding(factory: Factory, right: Right, segment: str, after: tuple[str, ...]) -> Manifest:
    agreed = [eligibility for eligibility in factory.eligibility if eligibility.role == right.role and segment in eligibility.segments]
    causes = [each for each in agreed if right.group == (each.group if right.act == names.ASK else each.approvers)]
    cause = min(causes, key=lambda each: (each.reference, each.because))
    because = Because(f"eligibility[{cause.reference}]", cause.because, CONTROLS)
    binding = body(
        f"{RBAC}/v1",
        "RoleBinding",
        right.component.name,
        because,
        factory=factory.name,
        namespace=names.namespace(factory.name, segment),
        roleRef={"apiGroup": RBAC, "kind": "Role", "name": right.name},
        subjects=[{"apiGroup": RBAC, "kind": "Group", "name": right.group}],
    )
    return Manifest(
        right.component, segment, binding, because, (f"Segment {segment}/{role_key(right.name)}", names.parameters(segment), *after)
    )
