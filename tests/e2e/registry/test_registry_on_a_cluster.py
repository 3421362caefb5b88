"""The registry on a real API server, under the factory's guardrails: who may build it, what runs, who reaches what, what an audit sees."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from deployed import Deployed, path_of, wait_until
from doors import SPEC

from factory.plan import Body, names
from factory.plan.guardrail.attack import Attempt, By, Verb, plan_attacks
from factory.plan.registry import CLAIM, COLLECTOR, PART, READ, WRITE
from factory.review.audit.audit import find_object_drift
from factory.review.audit.drift import Change
from factory.review.drill.tactic import registry
from factory.review.reachability import Endpoint, Network, Peer

NAMESPACE = "depot-models"
PORT = 5443


@pytest.fixture(scope="module")
def depot(deploy: Callable[[Body], Deployed]) -> Deployed:
    """The factory, deployed by its deployer, guarded."""
    depot = deploy(SPEC)
    attack = next(attack for attack in plan_attacks(depot.factory) if attack.guardrail == "ZG04")
    wait_until(lambda: "denied request: ZG04" in depot.by(attack).try_(attack).text, "guardrails are in force")
    return depot


def listed(depot: Deployed, path: str) -> list[Body]:
    """Live objects."""
    return list(depot.administrator.get(path)["items"])


def planned(depot: Deployed, kind: str, name: str) -> Body:
    """One planned object, to be changed."""
    found = [each.body for each in depot.plan.manifests if (each.body["kind"], each.body["metadata"]["name"]) == (kind, name)]
    (body,) = (body for body in found if body["metadata"].get("namespace") == NAMESPACE)
    return copy.deepcopy(body)


def pod(depot: Deployed, door: str, namespace: str = NAMESPACE) -> Body:
    """A pod as the door's Deployment makes them."""
    template = planned(depot, "Deployment", door)["spec"]["template"]
    metadata = template["metadata"] | {"name": "tried", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def test_its_pods_are_admitted(depot: Deployed) -> None:
    """Kubernetes' controllers make the pods of both doors, restricted as guardrails and Pod Security demand."""

    def doors() -> dict[str, int]:
        labels = [each["metadata"]["labels"] for each in listed(depot, f"/api/v1/namespaces/{NAMESPACE}/pods")]
        return {door: sum(it.get(names.WORKLOAD) == door and it.get(PART) == "door" for it in labels) for door in (WRITE, READ)}

    wait_until(lambda: doors() == {WRITE: 1, READ: 2}, "the doors have their pods")


def test_its_collection_is_admitted(depot: Deployed) -> None:
    """A Job as the CronJob makes them has a pod."""
    cron = planned(depot, "CronJob", COLLECTOR)
    metadata = {"name": "collected-by-hand", "namespace": NAMESPACE}
    depot.operator(NAMESPACE).create(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": cron["spec"]["jobTemplate"]["spec"]}
    )

    def pods() -> list[Body]:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"
        return list(depot.administrator.request("GET", path, labelSelector="job-name=collected-by-hand").json()["items"])

    wait_until(lambda: len(pods()) == 1, "the Job has its pod")


def refusal(depot: Deployed, body: Body) -> str:
    """What an operator of the segment is told who tries it."""
    answer = depot.operator(body["metadata"]["namespace"]).try_(Attempt("", "", By.OPERATOR, Verb.CREATE, body))
    return answer.text if answer.status_code != 201 else "admitted"


def test_the_read_door_cannot_mount_the_store_for_writing(depot: Deployed) -> None:
    """Whoever may run its pods gets read-only ones; as the plan has it, the same pod is admitted."""
    wanted = pod(depot, READ)
    assert refusal(depot, wanted) == "admitted"
    store = next(volume for volume in wanted["spec"]["volumes"] if volume["name"] == "store")
    del store["persistentVolumeClaim"]["readOnly"]
    assert "ZG03" in refusal(depot, wanted)


def test_an_operator_cannot_change_a_door(depot: Deployed) -> None:
    """Who runs the segment's pods writes its ConfigMaps, but not those that say whom a door lets in; ZG07 refuses it."""
    for door in (WRITE, READ):
        config = planned(depot, "ConfigMap", door)
        path, kind = path_of(config), "application/merge-patch+json"
        answer = depot.operator(NAMESPACE).request("PATCH", path, {"data": {"config.yml": "version: 0.1"}}, kind)
        assert (answer.status_code, "ZG07" in answer.text) == (403, True), answer.text
        other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes", "namespace": NAMESPACE}, "data": {}}
        assert depot.operator(NAMESPACE).try_(Attempt("", "", By.OPERATOR, Verb.CREATE, other)).status_code == 201


def test_nobody_else_mounts_the_store(depot: Deployed) -> None:
    """Not even the trainer, who may push: the way in is the door. In another segment the claim's name means nothing."""
    for workload in ("trainer", "notebook"):
        wanted = pod(depot, WRITE, "depot-training")
        wanted["metadata"]["labels"] = {names.WORKLOAD: workload}
        wanted["spec"]["serviceAccountName"] = workload
        assert "ZG03" in refusal(depot, wanted)
        wanted["spec"]["volumes"] = [volume for volume in wanted["spec"]["volumes"] if volume["name"] != "store"]
        wanted["spec"]["containers"][0]["volumeMounts"] = []
        assert refusal(depot, wanted) == "admitted"


def test_the_deployer_builds_this_and_nothing_else(depot: Deployed) -> None:
    """Its rights name what is planned: another Deployment, CronJob, claim or Service it may not make (RBAC), nor these in a namespace
    that is not the factory's (ZG14)."""

    def applied(body: Body) -> str:
        query = {"fieldManager": names.FIELD_MANAGER, "force": "true", "dryRun": "All"}
        answer = depot.deployer.request("PATCH", path_of(body), body, "application/apply-patch+yaml", **query)
        return answer.text if answer.status_code == 403 else str(answer.status_code)

    for kind, name in (("Deployment", WRITE), ("CronJob", COLLECTOR), ("PersistentVolumeClaim", CLAIM), ("Service", READ)):
        again = planned(depot, kind, name)
        assert applied(again) == "200"
        other, elsewhere = copy.deepcopy(again), copy.deepcopy(again)
        other["metadata"]["name"] = "miner"
        elsewhere["metadata"]["namespace"] = "default"
        assert "cannot patch" in applied(other)
        assert "ZG14" in applied(elsewhere)


# Who reaches what


def everybody(depot: Deployed) -> Iterator[tuple[str, Peer]]:
    """Every workload, strangers of every kind, nodes and the internet."""
    for workload in depot.factory.workloads:
        namespace = names.namespace(depot.factory.name, workload.segment)
        yield workload.reference, Endpoint(namespace, workload.name, {names.WORKLOAD: workload.name}, kind="Deployment")
    for namespace in ("depot-training", "depot-inference", "depot-models", "default", "kube-system"):
        yield f"a stranger in {namespace}", Endpoint(namespace, "stranger", {"app": "stranger"})
    yield "a pod that calls itself trainer elsewhere", Endpoint("default", "trainer", {names.WORKLOAD: "trainer"})
    yield "kyverno", Endpoint("kyverno", "admission", {"app.kubernetes.io/component": "admission-controller"})
    yield "another pod of kyverno", Endpoint("kyverno", "reports", {"app.kubernetes.io/component": "reports-controller"})
    yield "a node", ip_address("10.0.3.7")
    yield "a machine beside the nodes", ip_address("10.1.0.7")
    yield "the internet", ip_address("203.0.113.7")


@pytest.mark.parametrize(
    ("door", "expected"), [(WRITE, {"training/trainer"}), (READ, {"kyverno", "a node"})], ids=["write door", "read door"]
)
def test_only_those_reach_a_door_who_have_something_there(depot: Deployed, door: str, expected: set[str]) -> None:
    """The policies that are live, evaluated together, for everybody there is: producers reach the write door, nodes and Kyverno the read
    door, on its port and on no other. What a node reaches on itself no policy decides (Kubernetes: *Network Policies*)."""
    parties = dict(everybody(depot))
    endpoints = tuple(party for party in parties.values() if isinstance(party, Endpoint))
    objects = [
        {"apiVersion": version, "kind": kind} | body
        for version, kind, path in (
            ("v1", "Namespace", "/api/v1/namespaces"),
            ("networking.k8s.io/v1", "NetworkPolicy", "/apis/networking.k8s.io/v1/networkpolicies"),
        )
        for body in listed(depot, path)
    ]
    objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kyverno", "labels": {names.NAMESPACE_NAME: "kyverno"}}})
    network = Network(objects, endpoints)
    target = parties[f"models/{door}"]
    for port in (PORT, 443, 22, 10250):
        reached = {
            who for who, party in parties.items() if party is not target and not network.may_reach(party, target, port, "TCP").denied
        }
        assert reached == (expected if port == PORT else set()), port
    sent = {who for who, party in parties.items() if not network.may_reach(target, party, 443, "TCP").denied and party is not target}
    assert sent == set(), "a door calls nobody"


# What an audit sees


def drift(depot: Deployed) -> set[tuple[Change, str, str]]:
    """How the live registry differs from the planned one."""
    found = set()
    for manifest in depot.plan.manifests:
        if manifest.component.kind == "ModelRegistry":
            metadata, kind = manifest.body["metadata"], manifest.body["kind"].lower() + "s"
            version = manifest.body["apiVersion"]
            path = f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/{metadata['namespace']}/{kind}/{metadata['name']}"
            for each in find_object_drift(manifest, depot.administrator.get(path), {}):
                found.add((each.change, each.reference, each.field))
    return found


def test_an_untouched_registry_has_no_drift(depot: Deployed) -> None:
    """What the API server adds by itself is known, field by field, and what its controllers write."""
    wait_until(lambda: drift(depot) == set(), f"no drift, but {drift(depot)}")


def test_tampering_is_drift(depot: Deployed) -> None:
    """By the deployer itself, since guardrails let nobody else: a door without client certificates, another image, a Service that sends
    pushes elsewhere, a collection that runs all the time. Each is seen."""
    door = f"Deployment {NAMESPACE}/{WRITE}"
    config = planned(depot, "ConfigMap", WRITE)
    config["data"]["config.yml"] = config["data"]["config.yml"].replace("require-and-verify-client-cert", "request-client-cert")
    ways: list[tuple[str, Body, str, tuple[Change, str, str]]] = [
        (
            f"/api/v1/namespaces/{NAMESPACE}/configmaps/{WRITE}",
            {"data": config["data"]},
            "application/merge-patch+json",
            (Change.CHANGED, f"ConfigMap {NAMESPACE}/{WRITE}", "data[config.yml]"),
        ),
        (
            f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{WRITE}",
            {
                "spec": {
                    "template": {"spec": {"containers": [{"name": WRITE, "image": f"registry.depot.example/apps/other@sha256:{'2' * 64}"}]}}
                }
            },
            "application/strategic-merge-patch+json",
            (Change.CHANGED, door, "spec.template.spec.containers[0].image"),
        ),
        (
            f"/api/v1/namespaces/{NAMESPACE}/services/{WRITE}",
            {"spec": {"selector": {names.WORKLOAD: READ}}},
            "application/merge-patch+json",
            (Change.CHANGED, f"Service {NAMESPACE}/{WRITE}", f"spec.selector[{names.WORKLOAD}]"),
        ),
        (
            f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs/{COLLECTOR}",
            {"spec": {"schedule": "* * * * *"}},
            "application/merge-patch+json",
            (Change.CHANGED, f"CronJob {NAMESPACE}/{COLLECTOR}", "spec.schedule"),
        ),
    ]
    assert drift(depot) == set()
    for path, change, kind, expected in ways:
        answer = depot.deployer.request("PATCH", path, change, kind, fieldManager="mallory")
        assert answer.status_code == 200, answer.text
        assert drift(depot) == {expected}
        for manifest in depot.plan.manifests:
            if manifest.component.kind == "ModelRegistry":
                depot.deployer.apply(manifest.body)
        wait_until(lambda: drift(depot) == set(), "the deployer has put it right")


# What a drill tries


def test_a_drill_finds_no_way_around_the_doors(depot: Deployed, tmp_path: Path) -> None:
    """Every attack of `factory drill` on the registry is refused by the control that is meant, and its harmless twin is let through."""
    stack = tmp_path / "Pulumi.depot.yaml"
    stack.write_text(yaml.safe_dump({"config": {"ai-factory:spec": SPEC}}, sort_keys=False))
    command = [sys.executable, "-m", "factory", "drill", str(stack), "--context", "lab-admin", "--format", "json"]
    environment = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(depot.lab.kubeconfig)}
    run = subprocess.run(
        [*command, "--only", registry.TACTIC.name], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    found = json.loads(run.stdout)
    assert {result["title"]: result["outcome"] for result in found["attacks"]} == {it.title: "refused" for it in registry.TACTIC.attacks}
    assert run.returncode == 0
