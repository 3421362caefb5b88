"""What a driller may do: become, for one request at a time, everybody whom `factory drill` plays.

That includes `system:masters`, so whoever holds this role can do anything in the cluster: bind it for the minutes of a drill.
"""

from __future__ import annotations

from factory.spec import Factory

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, Manifest
from .people import carries_extra, prefixes

DRILL = "factory-drill"
"""User name of everybody whom a drill plays and who is no ServiceAccount: their rights come from their groups."""

ADMINISTRATORS = "system:masters"
"""Above RBAC, not above admission: the strongest insider that a guardrail can hold."""

ELSEWHERE = "default"
"""A namespace that every cluster has and no factory owns: where neighbours live. Its ServiceAccount has this name too."""

ACCOUNT = "system:serviceaccount:"


def plan_driller(factory: Factory) -> Manifest:
    """A ClusterRole that may impersonate (Kubernetes: *User impersonation*) exactly those whom a drill plays. Nobody is bound to it."""
    because = Because("deployer", "whoever drills plays those who attack", (controls.TENET_7, controls.CIS_RBAC))
    user = factory.deployer.user
    accounts = {ELSEWHERE, *(workload.name for workload in factory.workloads)}
    accounts |= {access.service_account.partition("/")[2] for access in factory.access if access.service_account}
    accounts |= {user.rpartition(":")[2]} if user.startswith(ACCOUNT) else set()
    users = {DRILL, *find_people(factory)} | (set() if user.startswith(ACCOUNT) else {user})
    groups = {ADMINISTRATORS, *(access.group for access in factory.access if access.group), *(it.group for it in factory.eligibility)}
    rules = [_impersonate("groups", groups), _impersonate("serviceaccounts", accounts), _impersonate("users", users)]
    role = body(
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        names.cluster_wide(factory.name, "driller"),
        because,
        factory=factory.name,
        rules=rules,
    )
    return Manifest(Component("AiFactory", factory.name), "driller", role, because)


def find_people(factory: Factory) -> tuple[str, ...]:
    """The users whom a drill plays as people of the factory's providers, where the API server says how people signed in."""
    if not factory.providers or not carries_extra(factory):
        return ()
    return tuple(sorted(f"{prefixes(factory, provider)[0]}{DRILL}" for provider in factory.providers))


def _impersonate(resource: str, whom: set[str]) -> Body:
    return {"apiGroups": [""], "resources": [resource], "resourceNames": sorted(whom), "verbs": ["impersonate"]}
