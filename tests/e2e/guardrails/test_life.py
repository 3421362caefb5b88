"""Guardrails come before what they guard, follow the spec, and go after it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import yaml
from deployed import Client, Deployed, path_of, wait_until

from factory.load import load_object
from factory.plan import Body, Manifest, names, plan_factory
from factory.plan.guardrail.attack import Attempt, By, Verb, carriers, plan_pod

SPEC: Body = yaml.safe_load(
    """
name: mint
posture: Development
cluster: {distribution: SelfManaged, version: "1.36", context: lab}
trustDomain: mint.example
deployer: {user: mint-deployer}
images: {registries: [registry.mint.example/apps/]}
segments:
  - {name: training, stage: Training, owner: research}
  - {name: inference, stage: Inference, owner: research}
workloads:
  - {name: trainer, segment: training, listens: [{name: metrics, port: 9090}]}
  - {name: server, segment: inference}
flows:
  - {from: inference/server, to: training/trainer, port: metrics, because: the dashboard shows both}
access:
  - {group: "mint:research", role: operator, segments: [training, inference], because: they run it}
"""
)


def test_order() -> None:
    """No namespace and no grant exists before all guardrails are in force, nor after one is gone."""
    plan = plan_factory(load_object(SPEC))
    place = {manifest.id: position for position, manifest in enumerate(plan.manifests)}
    bindings = {manifest.id for manifest in plan.manifests if manifest.body["kind"] == "ValidatingAdmissionPolicyBinding"}
    for manifest in plan.manifests:
        if manifest.body["kind"] in ("Namespace", "Role", "RoleBinding"):
            assert bindings <= set(manifest.after), manifest.id
        assert all(place[other] < place[manifest.id] for other in manifest.after), manifest.id


def test_life(deploy: Callable[[Body], Deployed]) -> None:
    """A factory is deployed, changed, made smaller and removed, as its deployer, while pods run in it."""
    mint = deploy(SPEC)
    trainer, server = (mint.factory.workload[reference] for reference in ("training/trainer", "inference/server"))
    pod = plan_pod(mint.factory, trainer)
    operator = mint.operator("mint-training")
    wait_until(lambda: denied(mint, foreign(pod)), "guardrails are in force")
    for workload in (trainer, server):
        for body in carriers(plan_pod(mint.factory, workload)):
            if body["kind"] in ("Job", "Deployment"):
                # Pods of a job bear a finalizer that the job controller must be able to take off again.
                running = deepcopy(body)
                running["spec"] |= {"suspend": False} if body["kind"] == "Job" else {"replicas": 1}
                mint.operator(body["metadata"]["namespace"]).create(running)
    for namespace in ("mint-training", "mint-inference"):
        wait_until(lambda namespace=namespace: len(pods(mint, namespace)) == 2, "the controllers have made their pods")  # type: ignore[misc]

    # Change: what may run becomes less, from one moment to the next, and what runs is not stuck.
    narrower = deepcopy(SPEC) | {"images": {"registries": ["registry.mint.example/other/"]}}
    change(mint, narrower)
    assert denied(mint, pod)
    scaled = Attempt("ZG04", "", By.OPERATOR, Verb.PATCH, deployment(pod), {"spec": {"replicas": 0}})
    assert operator.try_(scaled, dry=False).status_code == 200
    wait_until(lambda: len(pods(mint, "mint-training")) == 1, "the deployment is scaled down though its image is refused now")
    change(mint, SPEC)

    # A segment goes while the guardrails stay: nothing in it is stuck.
    smaller = deepcopy(SPEC) | {"segments": SPEC["segments"][:1], "workloads": SPEC["workloads"][:1], "flows": []}
    smaller["access"] = [{**SPEC["access"][0], "segments": ["training"]}]
    change(mint, smaller)
    wait_until(lambda: mint.administrator.request("GET", "/api/v1/namespaces/mint-inference").status_code == 404, "the segment is gone")

    # All goes, in the reverse of the order in which it came.
    remove(mint, mint.plan.manifests)
    wait_until(lambda: mint.administrator.request("GET", "/api/v1/namespaces/mint-training").status_code == 404, "the factory is gone")
    left = [manifest.reference for manifest in mint.plan.manifests if exists(mint, manifest)]
    assert left == []


def test_without_grants_nothing_runs(deploy: Callable[[Body], Deployed]) -> None:
    """A segment whose grants are missing is closed, not open."""
    spec = deepcopy(SPEC) | {"name": "shut", "deployer": {"user": "shut-deployer"}}
    shut = deploy(spec)
    pod = plan_pod(shut.factory, shut.factory.workload["training/trainer"])
    wait_until(lambda: denied(shut, foreign(pod)), "guardrails are in force")
    assert not denied(shut, pod)
    shut.deployer.delete({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "guardrails", "namespace": "shut-training"}})
    wait_until(lambda: denied(shut, pod), "a pod that was fine is refused")
    remove(shut, shut.plan.manifests)


@pytest.mark.parametrize("thief", ["mint-deployer", "somebody"])
def test_deployers_do_not_share(deploy: Callable[[Body], Deployed], thief: str) -> None:
    """The deployer of one factory cannot change another."""
    spec = deepcopy(SPEC) | {"name": "till", "deployer": {"user": "till-deployer"}}
    till = deploy(spec)
    wait_until(lambda: denied(till, foreign(plan_pod(till.factory, till.factory.workload["training/trainer"]))), "guardrails are in force")
    other = Client(till.lab, till.lab.user(thief))
    policy = next(manifest.body for manifest in till.plan.manifests if manifest.key == "deny-all")
    assert other.request("DELETE", path_of(policy)).status_code == 403
    remove(till, till.plan.manifests)


def change(deployed: Deployed, spec: Body) -> None:
    """What `pulumi up` does with a changed spec: apply what is planned, then delete what is not any more."""
    before = deployed.plan
    deployed.factory = load_object(spec)
    deployed.plan = plan_factory(deployed.factory)
    deployed.apply()
    planned = {manifest.id for manifest in deployed.plan.manifests}
    remove(deployed, tuple(manifest for manifest in before.manifests if manifest.id not in planned))


def remove(deployed: Deployed, manifests: tuple[Manifest, ...]) -> None:
    """Deletes, last first: a namespace with all that is in it, and what waited for its guardrails before them."""
    gone = {manifest.body["metadata"]["name"] for manifest in manifests if manifest.body["kind"] == "Namespace"}
    for manifest in reversed(manifests):
        if manifest.body["metadata"].get("namespace") in gone:
            continue
        deployed.deployer.delete(manifest.body)
        if manifest.body["kind"] == "Namespace":
            wait_until(lambda manifest=manifest: not exists(deployed, manifest), f"{manifest.reference} is gone")  # type: ignore[misc]


def exists(deployed: Deployed, manifest: Manifest) -> bool:
    return deployed.administrator.request("GET", path_of(manifest.body)).status_code == 200


def denied(deployed: Deployed, pod: Body) -> bool:
    """Whether admission refuses a pod: 403, or 422 where the grants are missing."""
    attempt = Attempt("", "", By.ADMINISTRATOR, Verb.CREATE, pod)
    answer = deployed.administrator.try_(attempt)
    return answer.status_code in (403, 422) and names.cluster_wide(deployed.factory.name, "zg") in answer.text


def foreign(pod: Body) -> Body:
    """The pod with an image of another registry."""
    container = {**pod["spec"]["containers"][0], "image": "registry.example/x"}
    return {**pod, "spec": {**pod["spec"], "containers": [container]}}


def deployment(pod: Body) -> Body:
    return next(body for body in carriers(pod) if body["kind"] == "Deployment")


def pods(deployed: Deployed, namespace: str) -> list[Body]:
    return list(deployed.administrator.get(f"/api/v1/namespaces/{namespace}/pods")["items"])
