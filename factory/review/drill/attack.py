"""What a drill is made of: who tries what, and what must stop them. Pure data; nothing here talks to a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from factory.plan import Body
from factory.plan.auditor import group_of, is_custom
from factory.plan.deployer import Resource

if TYPE_CHECKING:
    from .ground import Ground

RBAC, POD_SECURITY, QUOTA, LIMITS = "RBAC", "Pod Security", "ResourceQuota", "LimitRange"
"""Controls of Kubernetes itself. Guardrails are named by their ids: `ZG01`."""

JSON, STRATEGIC, MERGE = "application/json", "application/strategic-merge-patch+json", "application/merge-patch+json"

NOBODY = "no_body"
"""Name that no pod and no service can have (RFC 1123): whoever opens a session in it reaches admission, and never a kubelet."""


class Lacking(Exception):  # noqa: N818 - not an error: the stack has nothing of that kind
    """The stack has not what an attack is after; says what it lacks."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who tries: an identity that the factory hands out, or one that it must withstand."""

    name: str
    """What it is, in words: `an operator of training`."""
    user: str
    """User name, as the API server sees it."""
    groups: tuple[str, ...] = ()
    """Groups, beside those that the API server adds."""
    home: str = ""
    """A namespace where it may list pods."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Headers by which the caller becomes it (Kubernetes: *User impersonation*)."""
        return [("Impersonate-User", self.user), *(("Impersonate-Group", group) for group in self.groups)]


@dataclass(frozen=True)
class Request:
    """One request that changes nothing: a dry run, a review of rights, or a session in a pod that cannot be."""

    by: Identity
    method: str
    path: str
    body: Any = None
    content_type: str = JSON
    query: Mapping[str, str] | None = None
    """Query: `dryRun=All` unless it is a review or a session. Raises ValueError where that is missing."""
    review: bool = False
    """Whether the answer is in `status.allowed`."""
    nobody: bool = False
    """Whether it is about `NOBODY`, who is looked for after admission: not to be found is to be let through."""

    def __post_init__(self) -> None:
        harmless = self.review or (self.nobody and f"/{NOBODY}/" in self.path) or (self.query or {}).get("dryRun") == "All"
        if not harmless:
            raise ValueError(f"{self.method} {self.path} would not be a dry run")


@dataclass(frozen=True, slots=True)
class Trial:
    """An attack on one stack: the request, and its benign twin."""

    request: Request
    """What must be refused."""
    twin: Request | None = None
    """The same without what makes it an attack, or by somebody who may: it must be admitted, else the refusal proves nothing."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack, on any stack."""

    title: str
    """What is tried, in words that follow the name of who tries."""
    control: str
    """What must refuse it; alternatives are separated by `|`."""
    trial: Callable[[Ground], Trial]
    """The attack on one stack. Raises Lacking."""
    techniques: tuple[str, ...] = ()
    """MITRE ATT&CK and ATLAS technique ids, beside those of its tactic."""

    @property
    def controls(self) -> tuple[str, ...]:
        """Every control that may refuse it."""
        return tuple(self.control.split("|"))


@dataclass(frozen=True, slots=True)
class Tactic:
    """What several attacks are after."""

    name: str
    """In words: `pool hopping`."""
    techniques: tuple[str, ...]
    """MITRE ATT&CK (containers) and ATLAS technique ids of all of its attacks."""
    attacks: tuple[Attack, ...]

    def __post_init__(self) -> None:
        if len({attack.title for attack in self.attacks}) < len(self.attacks):
            raise ValueError(f"{self.name}: two attacks have one title")


def review(by: Identity, verb: str, resource: str, namespace: str | None = None, name: str | None = None) -> Request:
    """May they? `resource` is `pods/exec` or `deployments.apps`. The review is read-only (SelfSubjectAccessReview)."""
    plural, _, subresource = resource.partition("/")
    plural, _, group = plural.partition(".")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "namespace": namespace, "name": name}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}},
    }
    return Request(by, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, review=True)


def held(by: Identity) -> Request:
    """A right that somebody has: to list pods at home, or else to ask for their rights, as everybody may."""
    return review(by, "list", "pods", by.home) if by.home else review(by, "create", "selfsubjectaccessreviews.authorization.k8s.io")


def denied(by: Identity, verb: str, resource: str, namespace: str | None = None) -> Trial:
    """What RBAC must not allow."""
    return Trial(review(by, verb, resource, namespace), held(by))


def create(by: Identity, target: Body, subresource: str = "", body: Body | None = None) -> Request:
    """A new object, or what is posted to a subresource of an object."""
    path = f"{path_of(target)}/{subresource}" if subresource else path_of(target).rpartition("/")[0]
    return Request(by, "POST", path, target if body is None else body, query=_DRY)


def patch(by: Identity, target: Body, change: Body, subresource: str = "") -> Request:
    """A merge patch of an object that is there: a strategic one, where Kubernetes itself knows the kind."""
    path = f"{path_of(target)}/{subresource}" if subresource else path_of(target)
    return Request(by, "PATCH", path, change, MERGE if is_custom(group_of(target["apiVersion"])) else STRATEGIC, query=_DRY)


def delete(by: Identity, target: Body, *, all_of_them: bool = False) -> Request:
    """No object any more, or none of its kind in its namespace."""
    path = path_of(target)
    return Request(by, "DELETE", path.rpartition("/")[0] if all_of_them else path, query=_DRY)


def connect(by: Identity, namespace: str, subresource: str, kind: str = "pods", **query: str) -> Request:
    """A session in a pod, or behind a service, that cannot be. It lacks an upgrade too, without which no kubelet lets a session begin."""
    return Request(by, "POST", f"/api/v1/namespaces/{namespace}/{kind}/{NOBODY}/{subresource}", query=query, nobody=True)


def place(by: Identity, namespace: str) -> Request:
    """A pod that cannot be, put on a node that cannot be."""
    binding = thing("v1/Binding", NOBODY, namespace, target={"apiVersion": "v1", "kind": "Node", "name": NOBODY})
    return Request(by, "POST", f"/api/v1/namespaces/{namespace}/pods/{NOBODY}/binding", binding, query=_DRY, nobody=True)


def path_of(body: Body) -> str:
    """The URL's path of one object."""
    resource, metadata = Resource.of(body), body["metadata"]
    root = "/apis/" if resource.group else "/api/"
    place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{root}{body['apiVersion']}{place}/{resource.plural}/{quote(metadata['name'], safe='')}"


def thing(kind: str, name: str, namespace: str | None = None, **content: Any) -> Body:
    """An object: `thing("apps/v1/Deployment", "drill", "helix-training", spec=…)`."""
    api_version, _, kind = kind.rpartition("/")
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {}) | content.pop("metadata", {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


_DRY = {"dryRun": "All"}
