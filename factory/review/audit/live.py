"""The live cluster: the only place of the audit that talks to one. Objects are plain JSON, as the API server sends them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import NameValue
from lightkube.core.exceptions import ConfigError

from factory.errors import did_you_mean, listed
from factory.plan import Body

Kind = tuple[str, str]
"""apiVersion and kind: `("networking.k8s.io/v1", "NetworkPolicy")`."""

PAGE = 500
"""Objects a page, as kubectl asks for them."""
CONNECTIONS = 4
"""Kinds that are listed at the same time."""
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""Every kind of a cluster in two requests (KEP-3352, stable in 1.30)."""
EXEC = "client.authentication.k8s.io"


class ClusterError(Exception):
    """A cluster that cannot be reached, read or written, with what to do about it."""


class ConflictError(ClusterError):
    """The API server refused a write because the object, or the request, is not what it should be (HTTP 409, 422)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the objects of a kind are."""

    kind: Kind
    path: str
    """`/apis/networking.k8s.io/v1`"""
    plural: str
    namespaced: bool

    @property
    def group(self) -> str:
        """API group; empty for the core group."""
        return self.kind[0].rpartition("/")[0]

    def url(self, body: Mapping[str, Any] | None = None) -> str:
        """The URL of all objects of the kind, or of one of them."""
        if body is None:
            return f"{self.path}/{self.plural}"
        metadata = body["metadata"]
        place = f"/namespaces/{quote(metadata['namespace'], safe='')}" if self.namespaced else ""
        return f"{self.path}{place}/{self.plural}/{quote(metadata['name'], safe='')}"


class Cluster:
    """A cluster, through one context of the kubeconfig. Use as a context manager."""

    def __init__(self, client: httpx2.Client, context: str) -> None:
        self.context = context
        self._client = client
        self._resources: dict[Kind, Resource] = {}

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def discover(self) -> None:
        """Learns which kinds the cluster serves. Raises ClusterError."""
        for root in ("/api", "/apis"):
            answer = self._request("GET", root, headers={"Accept": DISCOVERY})
            for group in answer["items"]:
                for version in group["versions"]:
                    name = group["metadata"].get("name", "")
                    api_version = f"{name}/{version['version']}" if name else version["version"]
                    for found in version["resources"]:
                        kind = (api_version, found["responseKind"]["kind"])
                        resource = Resource(kind, f"{root}/{api_version}", found["resource"], found["scope"] == "Namespaced")
                        self._resources.setdefault(kind, resource)

    def resource(self, kind: Kind) -> Resource | None:
        """Where a kind is served; None where it is not."""
        return self._resources.get(kind)

    def preferred(self, group: str, kind: str) -> Kind | None:
        """A kind in the version that the cluster prefers; None where it serves none."""
        return next((known for known, found in self._resources.items() if found.group == group and known[1] == kind), None)

    def list_all(self, kinds: Mapping[Kind, str | None]) -> dict[Kind, list[Body]]:
        """Every object of each kind in the whole cluster, or those of one name, each kind once, in pages. A kind not served has none.

        Raises ClusterError: a kind may not be listed, naming all such kinds: a kind unseen is not a kind without drift.
        """
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            found = list(pool.map(self._list, kinds, kinds.values()))
        if refused := sorted(denied for denied in found if isinstance(denied, str)):
            raise ClusterError(
                f'context "{self.context}" may not list {listed(refused, limit=40)}. '
                "Bind its user to the auditor's ClusterRole of the plan, or grant the verb list on these."
            )
        return {kind: objects for kind, objects in zip(kinds, found, strict=True) if isinstance(objects, list)}

    def apply(self, body: Body, manager: str, *, dry_run: bool = False) -> Body:
        """Server-side apply, forced: creates the object, or makes the fields of `body` so. Raises ConflictError, ClusterError."""
        return self._request(
            "PATCH",
            self._served(body).url(body),
            params={"fieldManager": manager, "force": "true", **_dry(dry_run)},
            content=json.dumps(body).encode(),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    def patch(self, live: Body, operations: list[dict[str, Any]], manager: str, *, dry_run: bool = False) -> Body:
        """JSON patch (RFC 6902) of exactly this version of an object. Raises ConflictError where it has changed, ClusterError."""
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}
        return self._request(
            "PATCH",
            self._served(live).url(live),
            params={"fieldManager": manager, **_dry(dry_run)},
            content=json.dumps([test, *operations]).encode(),
            headers={"Content-Type": "application/json-patch+json"},
        )

    def delete(self, live: Body, *, dry_run: bool = False) -> None:
        """Deletes exactly this version of an object. Raises ConflictError where it has changed, ClusterError."""
        preconditions = {key: live["metadata"][key] for key in ("uid", "resourceVersion")}
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions, **({"dryRun": ["All"]} if dry_run else {})}
        self._request("DELETE", self._served(live).url(live), content=json.dumps(options).encode(), headers=_JSON)

    def get(self, body: Body) -> list[Body]:
        """The live object of a kind, namespace and name; none where there is none. Raises ClusterError."""
        url = self._served(body).url(body)
        answer = self.send("GET", url)
        return [] if answer.status_code == 404 else [self.read(answer, "GET", url)]

    def create(self, body: Body) -> Body:
        """Creates an object. Raises ConflictError: there is one; ClusterError."""
        return self.post(self._served(body).url(body).rpartition("/")[0], body)

    def replace(self, body: Body) -> Body:
        """Replaces exactly this version of an object. Raises ConflictError where it has changed, ClusterError."""
        return self._request("PUT", self._served(body).url(body), content=json.dumps(body).encode(), headers=_JSON)

    def post(self, url: str, body: Body) -> Body:
        """What the API server makes of it. Raises ConflictError, ClusterError."""
        return self._request("POST", url, content=json.dumps(body).encode(), headers=_JSON)

    def _list(self, kind: Kind, name: str | None) -> list[Body] | str:
        """The objects of a kind, or the name of the kind where it may not be listed."""
        resource = self._resources.get(kind)
        if resource is None:
            return []
        # RBAC lets a role by resourceNames list exactly that name, by this selector.
        only = {} if name is None else {"fieldSelector": f"metadata.name={name}"}
        objects: list[Body] = []
        position = ""
        for _ in range(100_000):
            answer = self.send("GET", resource.url(), params=only | {"limit": str(PAGE)} | ({"continue": position} if position else {}))
            if answer.status_code == 410 and position:
                # The page has expired: begin again, all at once, so that the list is of one moment.
                answer, objects = self.send("GET", resource.url(), params=only), []
            if answer.status_code in (401, 403):
                return f"{resource.plural}.{resource.group}" if resource.group else resource.plural
            page = self.read(answer, "GET", resource.url())
            # Items of a list do not say what they are.
            objects.extend({"apiVersion": kind[0], "kind": kind[1], **item} for item in page["items"])
            position = page["metadata"].get("continue", "")
            if not position:
                return objects
        raise ClusterError(f'context "{self.context}": the list of {kind[1]} never ends')

    def _served(self, body: Body) -> Resource:
        resource = self._resources.get((body["apiVersion"], body["kind"]))
        if resource is None:
            raise ClusterError(
                f'context "{self.context}": the cluster does not serve {body["apiVersion"]} {body["kind"]}. '
                "Install its CustomResourceDefinition."
            )
        return resource

    def _request(self, method: str, url: str, **options: Any) -> Body:
        return self.read(self.send(method, url, **options), method, url)

    def send(self, method: str, url: str, **options: Any) -> httpx2.Response:
        """One request, and its answer whatever it says. Raises ClusterError: there is none."""
        try:
            return self._client.request(method, url, **options)
        except ConfigError as error:
            raise ClusterError(f'context "{self.context}" cannot sign in: {error}') from None
        except (httpx2.HTTPError, OSError) as error:
            raise ClusterError(
                f'context "{self.context}": the API server at {self._client.base_url} does not answer: {error or type(error).__name__}. '
                "Check that it runs and that this machine may reach it."
            ) from None

    def read(self, answer: httpx2.Response, method: str, url: str) -> Body:
        """The object of an answer. Raises ConflictError, ClusterError: it says something else."""
        try:
            content = msgspec.json.decode(answer.content)
        except msgspec.DecodeError:
            content = {"message": answer.text[:200]}
        if answer.is_success and isinstance(content, dict):
            return content
        why = content.get("message", "") if isinstance(content, dict) else ""
        if answer.status_code == 401:
            raise ClusterError(f'context "{self.context}": the API server does not know this user. Sign in again.')
        if answer.status_code == 403:
            raise ClusterError(f'context "{self.context}" may not {method} {url}: {why}')
        error = ConflictError if answer.status_code in (409, 422) else ClusterError
        raise error(f'context "{self.context}": {method} {url} failed with HTTP {answer.status_code}: {why}')


_JSON = {"Content-Type": "application/json"}


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def connect(context: str) -> Cluster:
    """The cluster behind a context of the kubeconfig (`$KUBECONFIG`, else `~/.kube/config`).

    Raises ClusterError: there is no such file or context, or the cluster does not answer.
    """
    config = _configuration(context)
    try:
        client = Client(config, ConnectionParams(timeout=httpx2.Timeout(60, connect=10)))
    except (ConfigError, OSError, ValueError, AssertionError) as error:
        raise ClusterError(f'context "{context}" cannot be used: {error}. Mend its cluster and user in the kubeconfig.') from None
    cluster = Cluster(client, context)
    try:
        cluster.discover()
    except BaseException:
        client.close()
        raise
    return cluster


def _configuration(context: str) -> SingleConfig:
    paths = [Path(part) for part in os.environ.get("KUBECONFIG", "~/.kube/config").split(os.pathsep) if part]
    found: list[str] = []
    for path in paths:
        if not path.expanduser().is_file():
            continue
        try:
            file = KubeConfig.from_file(path)
            if context in file.contexts:
                return _with_exec(file.get(context))
            found.extend(file.contexts)
        except (ConfigError, KeyError, TypeError, AttributeError, ValueError, msgspec.MsgspecError) as error:
            raise ClusterError(f"{path} is not a kubeconfig that can be used: {type(error).__name__} {error}") from None
        except Exception as error:  # a YAML error: its library is not ours to import for one name
            raise ClusterError(f"{path} is not a kubeconfig: {str(error).splitlines()[0]}") from None
    where = ", ".join(map(str, paths))
    hint = did_you_mean(context, found) or 'Name another with "--context", or sign in to the cluster first.'
    raise ClusterError(f'context "{context}" is not in {where}; there are: {listed(found)}. {hint}')


def _with_exec(config: SingleConfig | None) -> SingleConfig:
    """The same configuration, with a sign-in program of version v1 told so: lightkube knows the two before it, which answer alike."""
    if config is None:
        raise ClusterError("the kubeconfig names no context")
    user = config.user
    if user is None or user.exec is None or user.exec.apiVersion != f"{EXEC}/v1":
        return config
    info = json.dumps({"apiVersion": f"{EXEC}/v1", "kind": "ExecCredential", "spec": {"interactive": False}})
    told = [*(user.exec.env or []), NameValue("KUBERNETES_EXEC_INFO", info)]
    program = msgspec.structs.replace(user.exec, apiVersion=f"{EXEC}/v1beta1", env=told)
    return config._replace(user=msgspec.structs.replace(user, exec=program))
