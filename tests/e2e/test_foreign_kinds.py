"""Every object of every shipped stack, before a real API server: also of kinds that Kubernetes itself does not have.

The CustomResourceDefinitions come from the Go modules that ship them, pinned and checked by `crds/go.mod` and `crds/go.sum`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployed import Client, deploy_on, start_lab, wait_until
from plan.golden import STACKS, plan_of

from factory.load import load_stack
from factory.plan import Body, Manifest, names, plan_factory
from factory.plan.deployer import Resource
from factory.plan.guardrail.attack import plan_pod
from factory.spec import Factory
from lab import Lab
from lab.toolchain.source import Module

CRDS = Path(__file__).parent / "crds"
FOLDERS = {
    "github.com/aws/karpenter-provider-aws": "pkg/apis/crds",
    "github.com/cilium/cilium": "pkg/k8s/apis/cilium.io/client/crds/v2",
    "github.com/spiffe/spire-controller-manager": "config/crd/bases",
    "sigs.k8s.io/cluster-api": "core/config/crd/bases",
    "sigs.k8s.io/kueue": "config/components/crd/bases",
    "sigs.k8s.io/network-policy-api": "config/crd/standard",
}
"""Where each module keeps its CustomResourceDefinitions."""

KYVERNO = "config/crds/policies.kyverno.io"
"""Where Kyverno keeps its own, in the module that the lab builds it from."""

PLANS = {stack: plan_of(stack) for stack in STACKS}
OBJECTS = [
    pytest.param(stack, manifest, id=f"{stack}-{manifest.name}")
    for stack, plan in PLANS.items()
    for manifest in (*plan.bootstrap, *plan.manifests)
]
GPU_WORKLOADS = [workload for workload in load_stack(STACKS["dev"]).factory.workloads if workload.pool]


def folders() -> Iterator[Path]:
    """Every folder with CustomResourceDefinitions, in the Go module cache."""
    go = shutil.which("go")
    assert go, "the tests of foreign kinds take their definitions from Go modules: install Go (go.dev/dl)"
    environment = os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [go, "mod", "download", "-json", *FOLDERS], cwd=CRDS, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    decoder, rest = json.JSONDecoder(), done.stdout
    while rest := rest.lstrip():
        module, end = decoder.raw_decode(rest)
        rest = rest[end:]
        yield Path(module["Dir"]) / FOLDERS[module["Path"]]
    yield Module.of("kyverno").dependency("github.com/kyverno/kyverno") / KYVERNO


def definitions() -> Iterator[Body]:
    """Every one of them."""
    for folder in folders():
        for path in sorted(folder.glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                if document and document.get("kind") == "CustomResourceDefinition":
                    # Nobody runs the webhooks that convert between versions; each test uses one version only.
                    document["spec"].pop("conversion", None)
                    yield document


def url(body: Body) -> str:
    """The path of one object, for kinds of anybody."""
    version, metadata = body["apiVersion"], body["metadata"]
    place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}{place}/{Resource.of(body).plural}/{metadata['name']}"


def dry_run(client: Client, body: Body) -> Any:
    """What the API server says to the object, every unknown field counted as an error. Nothing is kept."""
    query = {"fieldManager": names.FIELD_MANAGER, "force": "true", "dryRun": "All", "fieldValidation": "Strict"}
    return client.request("PATCH", url(body), body, "application/apply-patch+yaml", **query)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of its own, with the nodes of the dev stack."""
    for started in start_lab():
        started.up(nodes=STACKS["dev"].parent / "dev.nodes.yaml")
        yield started


@pytest.fixture(scope="module")
def root(lab: Lab) -> Client:
    """Somebody who may do everything, with the foreign kinds and the namespaces of all stacks in place."""
    client = Client(lab, "lab-admin")
    planned = {manifest.body["apiVersion"].split("/")[0] for plan in PLANS.values() for manifest in plan.manifests}
    found = [definition for definition in definitions() if definition["spec"]["group"] in planned]
    for definition in found:
        client.apply(definition)
    for definition in found:
        path = url(definition)
        wait_until(lambda path=path: is_established(client.get(path)), f"{path} is served")
    for namespace in namespaces():
        client.apply(namespace)
    return client


def is_established(definition: Body) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)


def namespaces() -> list[Body]:
    """What objects live in: the planned namespaces, and those of somebody else, such as Cluster API's."""
    bodies = [manifest.body for plan in PLANS.values() for manifest in plan.manifests]
    found = {body["metadata"]["namespace"] for body in bodies if "namespace" in body["metadata"]}
    bare = {name: {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(found)}
    return list((bare | {body["metadata"]["name"]: body for body in bodies if body["kind"] == "Namespace"}).values())


@pytest.mark.parametrize(("stack", "manifest"), OBJECTS)
def test_api_server_takes_every_object(root: Client, stack: str, manifest: Manifest) -> None:
    """No object of any shipped stack has an unknown field, a missing one or a bad value, whoever defines its kind."""
    answer = dry_run(root, manifest.body)
    assert answer.status_code in (200, 201), f"{stack}: {manifest.reference}: {answer.json()['message']}"


WRONG = {
    "MachineDeployment": ("capi", ("spec", "template", "spec", "taints", 0, "propagation"), "Sometimes"),
    "EC2NodeClass": ("eks", ("spec", "metadataOptions", "httpTokens"), "perhaps"),
    "NodePool": ("eks", ("spec", "template", "metadata", "labels", "karpenter.sh/nodepool"), "h100"),
    "ClusterQueue": ("capi", ("spec", "queueingStrategy"), "LIFO"),
    "ClusterNetworkPolicy": ("capi", ("spec", "tier"), "Nobody"),
    "CiliumNetworkPolicy": ("onprem", ("spec", "egress", 0, "toPort"), []),
    "ClusterSPIFFEID": ("onprem", ("spec", "podSelector", "matchLabel"), {}),
    "ClusterFederatedTrustDomain": ("onprem", ("spec", "bundleEndpointProfile", "type"), "http"),
    "DeviceClass": ("onprem", ("spec", "selectors", 0, "cel", "expression"), "device.drivr == 'gpu.nvidia.com'"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_api_server_refuses_a_wrong_object(root: Client, kind: str) -> None:
    """The check above can fail: the definitions in place know what belongs into each kind."""
    stack, path, value = WRONG[kind]
    body = deepcopy(next(manifest.body for manifest in PLANS[stack].manifests if manifest.body["kind"] == kind))
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert dry_run(root, body).status_code >= 400


@pytest.fixture(scope="module")
def factory(lab: Lab) -> Factory:
    """The dev stack, deployed by its deployer on the lab's nodes."""
    return deploy_on(lab, yaml.safe_load(STACKS["dev"].read_text())["config"]["ai-factory:spec"]).factory


@pytest.mark.parametrize("workload", GPU_WORKLOADS, ids=lambda workload: workload.reference)
def test_pod_of_a_gpu_workload_runs_on_its_pool(lab: Lab, factory: Factory, workload: Any) -> None:
    """The scheduler puts it on a node that the pool names, and on no other."""
    client = Client(lab, "lab-admin")
    pod = plan_pod(factory, workload, name="on-its-pool", bare=True)
    client.create(pod)
    wait_until(lambda: client.get(url(pod))["spec"].get("nodeName"), "the pod is scheduled")
    pool = factory.pool[workload.pool]
    assert pool.provisioner == "Static"
    assert client.get(url(pod))["spec"]["nodeName"] in pool.nodes.expanded


def test_pod_outside_the_factory_runs_on_no_pool(lab: Lab, factory: Factory) -> None:
    """Somebody else's pod that asks for a GPU waits for ever: the taints keep it away. One that asks for none runs elsewhere."""
    client = Client(lab, "lab-admin")
    requests = {"plain": {}, "greedy": {"nvidia.com/gpu": "1"}}
    pods = {name: stranger(name, limits) for name, limits in requests.items()}
    for pod in pods.values():
        client.create(pod)
    wait_until(lambda: client.get(url(pods["plain"]))["spec"].get("nodeName"), "the plain pod is scheduled")
    assert client.get(url(pods["plain"]))["spec"]["nodeName"].startswith("cpu-")
    wait_until(lambda: "untolerated taint" in why_pending(client.get(url(pods["greedy"]))), "the scheduler says why the greedy pod waits")
    assert "nodeName" not in client.get(url(pods["greedy"]))["spec"]


def stranger(name: str, limits: dict[str, str]) -> Body:
    """A pod of somebody who has nothing to do with the factory."""
    container = {"name": "main", "image": "registry.example/any", "resources": {"limits": limits}}
    spec = {"containers": [container], "automountServiceAccountToken": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def why_pending(pod: Body) -> str:
    return " ".join(condition.get("message", "") for condition in pod.get("status", {}).get("conditions", []))


def test_a_misspelt_node_is_refused_and_not_made(lab: Lab, factory: Factory) -> None:
    """Server-side apply creates what is not there. The deployer may patch nodes, so that a wrong name in a pool is an error, not a node."""
    patch = next(manifest.body for manifest in plan_factory(factory).manifests if manifest.patch)
    ghost = patch | {"metadata": patch["metadata"] | {"name": "gpu-h100-x"}}
    client = Client(lab, lab.user(factory.deployer.user))
    answer = client.request("PATCH", url(ghost), ghost, "application/apply-patch+yaml", fieldManager=names.FIELD_MANAGER, force="true")
    assert answer.status_code == 403
    assert "gpu-h100-x" in answer.json()["message"]
    assert Client(lab, "lab-admin").request("GET", url(ghost)).status_code == 404


def test_removed_patch_opens_the_node_again(lab: Lab, factory: Factory) -> None:
    """What `pulumi destroy` does to a node's patch: label and taint go, and nothing else of the node."""
    client = Client(lab, lab.user(factory.deployer.user))
    patch = next(manifest.body for manifest in plan_factory(factory).manifests if manifest.patch)
    before = Client(lab, "lab-admin").get(url(patch))
    assert before["metadata"]["labels"][names.NODE_POOL]
    identity = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": patch["metadata"]["name"]}}
    after = client.apply(identity)
    assert names.NODE_POOL not in after["metadata"]["labels"]
    assert "taints" not in after["spec"]
    assert after["metadata"]["labels"]["nvidia.com/gpu.product"] == before["metadata"]["labels"]["nvidia.com/gpu.product"]
    assert client.apply(patch)["spec"]["taints"] == patch["spec"]["taints"]


def test_removed_patch_leaves_a_node_closed_that_was_unready(lab: Lab, factory: Factory) -> None:
    """The node controller has written the one list of taints in between, so it owns it: the pool's taint outlives the patch."""
    root, client = Client(lab, "lab-admin"), Client(lab, lab.user(factory.deployer.user))
    patch = [manifest.body for manifest in plan_factory(factory).manifests if manifest.patch][-1]
    identity = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": patch["metadata"]["name"]}}
    unready = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    for taints in ([*patch["spec"]["taints"], unready], patch["spec"]["taints"]):
        root.request("PATCH", url(patch), {"spec": {"taints": taints}}, "application/merge-patch+json", fieldManager="node-controller")
    after = client.apply(identity)
    assert names.NODE_POOL not in after["metadata"]["labels"]
    assert after["spec"]["taints"] == patch["spec"]["taints"]
    assert client.apply(patch)["metadata"]["labels"][names.NODE_POOL]
