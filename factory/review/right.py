"""Rights: who may do what where, read from the RBAC objects themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .objects import Name, Object, Objects

RBAC = "rbac.authorization.k8s.io"
EVERYWHERE = "the whole cluster"
READING = frozenset({"get", "list", "watch"})
SESSIONS = frozenset({"pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "pods/ephemeralcontainers"})


class Right(NamedTuple):
    """One subject may do one thing to one resource in one place."""

    subject: str
    """`group helix:ml-research`, `user jane` or `service account ci/deployer`."""
    verb: str
    resource: str
    """`pods/log`, with its API group where it has one: `deployments.apps`; with a name where only that: `secrets "ca"`."""
    place: str
    """A segment, another namespace, or the whole cluster."""
    by: tuple[Name, ...]
    """The binding and the role."""

    @property
    def reads_only(self) -> bool:
        return self.verb in READING and self.resource.split(" ")[0] not in ("secrets", *SESSIONS)


def find_rights(objects: Objects) -> Iterator[Right]:
    """Every right that a RoleBinding or ClusterRoleBinding hands out, a role that is not among the objects as `everything of <role>`."""
    for body in objects.bodies:
        if body["kind"] in ("RoleBinding", "ClusterRoleBinding") and str(body["apiVersion"]).startswith(RBAC):
            namespace = str(body["metadata"].get("namespace") or "")
            place = objects.segments.get(namespace, namespace) or EVERYWHERE
            for subject in body.get("subjects") or ():
                yield from _held(objects, body, namespace, say_subject(subject, namespace), place)
    bound = {(body.get("roleRef") or {}).get("name") for body in objects.bodies if body["kind"] in ("RoleBinding", "ClusterRoleBinding")}
    for name, body in objects.by_name.items():
        if name.kind in ("Role", "ClusterRole") and name.group == RBAC and name.name not in bound:
            place = objects.segments.get(name.namespace, name.namespace) or EVERYWHERE
            yield from _of_role(body, f"whoever is bound to {name.kind} {name.name}", place, (name,))


def say_subject(subject: Mapping[str, Any], namespace: str) -> str:
    """`group helix:ml-research`."""
    name = str(subject.get("name"))
    if subject.get("kind") == "ServiceAccount":
        return f"service account {subject.get('namespace') or namespace}/{name}"
    return f"{str(subject.get('kind')).lower()} {name}"


def _held(objects: Objects, binding: Object, namespace: str, subject: str, place: str) -> Iterator[Right]:
    reference = binding.get("roleRef") or {}
    kind, name = str(reference.get("kind")), str(reference.get("name"))
    role = Name(RBAC, kind, namespace if kind == "Role" else "", name)
    by = (Name.of(binding), role)
    body = objects.by_name.get(role)
    if body is None:
        yield Right(subject, "everything of", f"{kind} {name}, which is not among these objects", place, by)
        return
    yield from _of_role(body, subject, place, by)


def _of_role(role: Object, subject: str, place: str, by: tuple[Name, ...]) -> Iterator[Right]:
    if role.get("aggregationRule"):
        yield Right(subject, "everything of", f"whatever is aggregated into {role['kind']} {role['metadata']['name']}", place, by)
    for rule in role.get("rules") or ():
        for verb in rule.get("verbs") or ():
            for resource in _resources(rule):
                yield Right(subject, str(verb), resource, place, by)


def _resources(rule: Mapping[str, Any]) -> Iterable[str]:
    suffixes = [f' "{name}"' for name in rule.get("resourceNames") or ()] or [""]
    for group in rule.get("apiGroups") or ("",):
        for resource in rule.get("resources") or ():
            for suffix in suffixes:
                yield f"{resource}.{group}{suffix}" if group else f"{resource}{suffix}"
    yield from (f"URL {url}" for url in rule.get("nonResourceURLs") or ())
