"""Roles that people hold for a while, at a real API server: the way that is meant works, and every way around it is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
import yaml
from deployed import Client, Deployed, wait_until

from factory.plan import Body, names

SPEC: Body = yaml.safe_load("""
name: lease
posture: Production
cluster: {distribution: SelfManaged, version: "1.36", context: lease, clusterNetworkPolicy: false}
trustDomain: lease.example
images: {registries: [registry.lease.example/apps/]}
segments:
  - {name: training, stage: Training, owner: research, quota: {cpu: "64", memory: 1Ti, pods: 20}}
  - {name: inference, stage: Inference, owner: serving, quota: {cpu: "16", memory: 64Gi, pods: 20}}
workloads:
  - {name: trainer, segment: training}
  - {name: server, segment: inference}
access:
  - {group: "staff:ml", role: viewer, segments: [training], because: they watch their experiments}
  - {serviceAccount: delivery/argo, role: operator, segments: [training], because: trainings are started from git}
eligibility:
  - {group: "staff:ml", role: operator, segments: [training], longest: 1h, approvers: "staff:leads", because: they mend hung experiments}
  - {group: "staff:sre", role: debugger, segments: [training], longest: 30m, ticket: true, approvers: "staff:leads", because: hung pods}
  - {group: "staff:sre", role: break-glass, segments: [training, inference], longest: 1h, because: at night nobody is there to ask}
""")

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/lease-training/rolebindings"
PODS = "/api/v1/namespaces/lease-training/configmaps"

Change = Callable[[Body], None]


def moment(seconds: float) -> str:
    """So many seconds from now, as a grant says it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def request(user: str = "staff:alice", role: str = "operator", group: str = "staff:ml", seconds: float = 600, **change: str) -> Body:
    """What somebody creates to ask for a role."""
    ends = moment(seconds)
    annotations = {
        names.EXPIRES_AT: ends,
        names.REASON: "the nightly run hangs",
        names.REQUESTED_BY: user,
        names.ELIGIBLE_AS: group,
    }
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": f"{role}::{user}",
            "namespace": "lease-training",
            "labels": {names.GRANT: "true", names.CLEANUP: ends.replace(":", "")},
            "annotations": annotations | change,
        },
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [],
    }


def person(user: str) -> Body:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}


def agreed(asked: Body, by: str) -> Body:
    """What an approver makes of it."""
    held = copy.deepcopy(asked)
    held["metadata"]["annotations"][names.APPROVED_BY] = by
    held["subjects"] = [person(asked["metadata"]["annotations"][names.REQUESTED_BY])]
    return held


@pytest.fixture(scope="module")
def lease(deploy: Callable[[Body], Deployed]) -> Deployed:
    """The factory, with grants guarded."""
    lease = deploy(SPEC)
    wait_until(lambda: "ZG17" in lease.administrator.request("POST", BINDINGS, request(), dryRun="All").text, "ZG17 is in force")
    return lease


@pytest.fixture(scope="module")
def people(lease: Deployed) -> dict[str, Client]:
    """Everybody who wants something."""
    who = {"alice": ["staff:ml"], "amy": ["staff:ml"], "bob": ["staff:leads"], "carl": ["staff:ml", "staff:leads"], "sam": ["staff:sre"]}
    return {name: Client(lease.lab, lease.lab.user(f"staff:{name}", groups, f"lease-{name}")) for name, groups in who.items()}


@pytest.fixture(autouse=True)
def no_grants(lease: Deployed) -> Iterator[None]:
    """Every test begins without grants."""
    yield
    for found in lease.deployer.get(BINDINGS)["items"]:
        if names.GRANT in found["metadata"].get("labels", {}):
            lease.deployer.request("DELETE", f"{BINDINGS}/{found['metadata']['name']}")


def may_write(who: Client) -> bool:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    return who.request("POST", PODS, config, dryRun="All").status_code == 201


def refused(answer: httpx2.Response, words: str = "ZG17: ") -> None:
    assert answer.status_code == 403, answer.text
    assert words in answer.json()["message"], answer.text


def ask(who: Client, wanted: Body, **query: str) -> httpx2.Response:
    return who.request("POST", BINDINGS, wanted, **query)


def put(who: Client, wanted: Body) -> httpx2.Response:
    return who.request("PUT", f"{BINDINGS}/{wanted['metadata']['name']}", wanted)


def test_asked_agreed_held_and_revoked(people: dict[str, Client]) -> None:
    """Asking gives nothing; another's consent gives exactly the role; taking it away takes it away."""
    alice, bob = people["alice"], people["bob"]
    answer = ask(alice, request())
    assert answer.status_code == 201, answer.text
    assert not may_write(alice)
    answer = put(bob, agreed(answer.json(), "staff:bob"))
    assert answer.status_code == 200, answer.text
    wait_until(lambda: may_write(alice), "alice may write")
    assert not may_write(bob)
    assert alice.request("DELETE", f"{BINDINGS}/operator::staff:alice").status_code == 200
    wait_until(lambda: not may_write(alice), "alice may not write any more")


def test_nobody_grants_themselves(people: dict[str, Client]) -> None:
    """Not at once, and not one's own request, even for those who may agree to others'."""
    alice, carl = people["alice"], people["carl"]
    own = request()
    own["subjects"] = [person("staff:alice")]
    refused(ask(alice, own))
    asked = ask(carl, request("staff:carl"))
    assert asked.status_code == 201, asked.text
    refused(put(carl, agreed(asked.json(), "staff:carl")))
