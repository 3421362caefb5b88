"""A factory on a lab, and everybody who wants something of it: real programs, real requests, real users."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import httpx2
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import KubeConfig

from factory.load import load_object
from factory.plan import Body, Plan, names, plan_factory
from factory.plan.guardrail.attack import Attempt, By, Verb
from factory.spec import OPERATOR, Factory
from lab import Lab

ADMINISTRATORS = "lab-administrators"
"""A group that may do everything by RBAC. Unlike `system:masters` it passes through every check that people pass."""

PATIENCE = 60.0
"""Seconds within which a cluster must have done what it was told."""


class Client:
    """One user's requests to the lab's API server, signed with a certificate of their own."""

    opened: ClassVar[list[Client]] = []

    def __init__(self, lab: Lab, context: str) -> None:
        config = KubeConfig.from_file(lab.kubeconfig).get(context_name=context)
        assert config is not None
        self.lab = lab.name
        Client.opened.append(self)
        self._http = client_adapter.Client(config, client_adapter.ConnectionParams(timeout=httpx2.Timeout(30), trust_env=False))

    def close(self) -> None:
        """Ends its connections."""
        self._http.close()

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json", **query: str) -> httpx2.Response:
        """The answer, whatever it is."""
        content = None if body is None else json.dumps(body)
        return self._http.request(method, path, content=content, params=query, headers={"Content-Type": kind})

    def get(self, path: str) -> Body:
        """The object. Fails the test when there is none."""
        answer = self.request("GET", path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def apply(self, body: Body) -> Body:
        """Server-side apply, as `pulumi up` does it. Fails the test when it is refused."""
        query = {"fieldManager": names.FIELD_MANAGER, "force": "true"}
        answer = self.request("PATCH", path_of(body), body, "application/apply-patch+yaml", **query)
        assert answer.status_code < 300, f"{path_of(body)}: {answer.text}"
        return dict(answer.json())

    def create(self, body: Body) -> None:
        """The object is there afterwards."""
        answer = self.request("POST", path_of(body).rpartition("/")[0], body)
        assert answer.status_code < 300 or answer.status_code == 409, answer.text

    def delete(self, body: Body) -> None:
        """The object is on its way out afterwards."""
        answer = self.request("DELETE", path_of(body))
        assert answer.status_code < 300 or answer.status_code == 404, answer.text

    def try_(self, attempt: Attempt, dry: bool = True) -> httpx2.Response:
        """What the API server answers to an attempt, as a dry run where there is such a thing."""
        query = dict([attempt.query.split("=")]) if attempt.query else {}
        if dry and attempt.verb is not Verb.CONNECT:
            query["dryRun"] = "All"
        method = {Verb.CREATE: "POST", Verb.PATCH: "PATCH", Verb.CONNECT: "POST"}.get(attempt.verb, "DELETE")
        body = attempt.target if attempt.body is None and attempt.verb is Verb.CREATE else attempt.body
        kind = "application/strategic-merge-patch+json" if attempt.verb is Verb.PATCH else "application/json"
        return self.request(method, attempt.path, body, kind, **query)


def path_of(body: Body) -> str:
    """The URL's path of one object."""
    return Attempt("", "", By.DEPLOYER, Verb.DELETE, body).path


@dataclass
class Deployed:
    """A factory on the lab, and everybody who wants something of it."""

    lab: Lab
    factory: Factory
    plan: Plan
    administrator: Client
    deployer: Client
    _operators: dict[str, Client] = field(default_factory=dict)

    def by(self, attempt: Attempt) -> Client:
        """Who tries."""
        if attempt.by is By.OPERATOR:
            return self.operator(attempt.target["metadata"]["namespace"])
        return {By.DEPLOYER: self.deployer, By.ADMINISTRATOR: self.administrator}[attempt.by]

    def operator(self, namespace: str) -> Client:
        """Somebody who holds `operator` in a segment, and nothing else."""
        if namespace not in self._operators:
            segment = namespace.removeprefix(f"{self.factory.name}-")
            groups = [access.group for access in self.factory.access if access.role == OPERATOR and segment in access.segments]
            self._operators[namespace] = Client(self.lab, self.lab.user(f"operator-of-{namespace}", [groups[0] or ""]))
        return self._operators[namespace]

    def apply(self) -> None:
        """What an administrator does once, and what the deployer then does."""
        for manifest in self.plan.bootstrap:
            self.administrator.apply(manifest.body)
        for manifest in self.plan.manifests:
            self.deployer.apply(manifest.body)


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Waits for a cluster to do what it was told."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"after {PATIENCE:.0f} s still not: {what}"
        time.sleep(0.1)


@contextmanager
def own_lab() -> Iterator[Lab]:
    """A lab that nobody else uses, not yet up; gone afterwards, with its clients and nobody else's."""
    lab = Lab(f"e2e-{uuid4().hex[:8]}")
    try:
        yield lab
    finally:
        for client in [client for client in Client.opened if client.lab == lab.name]:
            client.close()
            Client.opened.remove(client)
        lab.down()


def start_lab(control_plane: Path | None = None, extras: Collection[str] = ()) -> Iterator[Lab]:
    """A lab that nobody else uses, up; gone afterwards."""
    with own_lab() as lab:
        lab.up(control_plane=control_plane, extras=extras)
        yield lab


def administrator_of(lab: Lab) -> Client:
    """An administrator who is not above admission."""
    everything = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ADMINISTRATORS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ADMINISTRATORS}],
    }
    Client(lab, "lab-admin").apply(everything)
    return Client(lab, lab.user("administrator", [ADMINISTRATORS]))


def deploy_on(lab: Lab, spec: Body) -> Deployed:
    """A factory, deployed as its deployer, never as an administrator."""
    factory = load_object(spec)
    deployer = Client(lab, lab.user(factory.deployer.user))
    deployed = Deployed(lab, factory, plan_factory(factory), administrator_of(lab), deployer)
    deployed.apply()
    return deployed
