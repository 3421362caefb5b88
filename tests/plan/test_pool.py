"""Pools: who may use a node, and who put the label and the taint there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from specs import Data, read

from factory.plan import Body, Plan, plan_factory
from factory.plan.pool import device_expression, pool_node_selector, pool_taint
from factory.spec import Factory

TAINT = {"key": "ai-factory.dev/pool", "value": "fast", "effect": "NoSchedule"}
LABEL = "ai-factory.dev.node-restriction.kubernetes.io/pool"
STATIC: Data = {"provisioner": "Static", "nodes": {"names": ["n-[9-11]", "spare"]}}
KARPENTER: Data = {
    "provisioner": "Karpenter",
    "instanceTypes": ["p5.48xlarge"],
    "maxGpus": 16,
    "nodeClass": {"role": "node", "amiAlias": "al2023@v20261015", "discovery": "lab", "volumeSize": "1Ti"},
    "startupTaints": [{"key": "efa", "effect": "NoExecute"}],
}
TEMPLATE = {"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "Metal3MachineTemplate", "name": "b200"}
MACHINES: Data = {
    "provisioner": "ClusterAPI",
    "cluster": "metal",
    "namespace": "machines",
    "replicas": 3,
    "machineVersion": "v1.36.3",
    "bootstrap": TEMPLATE,
    "infrastructure": TEMPLATE,
    "startupTaints": [{"key": "burn-in"}],
}


def factory(pool: Data, **more: Any) -> Factory:
    segments = [{"name": name, "stage": "Training", "owner": "research", "quota": {"gpu": 8}} for name in ("a", "b")]
    spec: Data = {
        "name": "lab",
        "posture": "Development",
        "trustDomain": "lab.example",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lab"},
        "images": {"registries": ["registry.example/apps/"]},
        "segments": segments,
        "pools": [{"name": "fast", "segments": ["b", "a"]} | pool],
    }
    return read(spec | more)


def objects(plan: Plan, kind: str) -> dict[str, Body]:
    return {manifest.body["metadata"]["name"]: manifest.body for manifest in plan.manifests if manifest.body["kind"] == kind}


def test_each_named_node_is_patched_never_created() -> None:
    """A range stands for every node in it; each gets the label and the taint, as a patch of a node that somebody else owns."""
    manifests = [manifest for manifest in plan_factory(factory(STATIC)).manifests if manifest.body["kind"] == "Node"]
    assert [manifest.body["metadata"]["name"] for manifest in manifests] == ["n-10", "n-11", "n-9", "spare"]
    for manifest in manifests:
        assert manifest.patch
        assert manifest.body["metadata"]["labels"][LABEL] == "fast"
        assert manifest.body["spec"] == {"taints": [TAINT]}


@pytest.mark.parametrize(
    ("names", "nodes"),
    [
        (["n"], ["n"]),
        (["n[0-0]"], ["n0"]),
        (["n-[08-10]"], ["n-08", "n-09", "n-10"]),
        (["n-[1-2].helix.example"], ["n-1.helix.example", "n-2.helix.example"]),
        (["n-[1-2]", "n-[2-3]", "n-3"], ["n-1", "n-2", "n-3"]),
    ],
)
def test_ranges_expand(names: list[str], nodes: list[str]) -> None:
    """A range keeps its zeros and what follows it; a node that two ranges name is one node."""
    pool = factory(STATIC | {"nodes": {"names": names}}).pools[0]
    assert pool.provisioner == "Static"
    assert pool.nodes.expanded == nodes


@pytest.mark.parametrize("names", ["n-[3-1]", "n-[1-2", "n-[1-]", "n-[1-2]-[3-4]", "N-1", "n-[0-99999]", "n-"])
def test_ranges_that_mean_nothing_are_refused(names: str) -> None:
    """A range that counts backwards would be a pool without nodes; one without bound, a plan without end."""
    with pytest.raises(ValidationError):
        factory(STATIC | {"nodes": {"names": [names]}})


def test_selected_nodes_are_left_untouched() -> None:
    """A pool by selector plans nothing for its nodes: its pods choose them by the labels that they carry already."""
    selector = {"rack": "7", "nvidia.com/gpu.product": "NVIDIA-B200"}
    spec = factory({"provisioner": "Static", "nodes": {"selector": selector}})
    assert not [manifest for manifest in plan_factory(spec).manifests if manifest.component.kind == "GpuPool"]
    assert pool_node_selector(spec.pools[0]) == selector
    assert pool_taint(spec.pools[0]) == TAINT


def test_karpenter_makes_closed_nodes() -> None:
    """From its first second a node bears the pool's taint and label, and instance credentials are out of a pod's reach."""
    plan = plan_factory(factory(KARPENTER))
    pool, how = objects(plan, "NodePool")["lab-fast"]["spec"], objects(plan, "EC2NodeClass")["lab-fast"]["spec"]
    template = pool["template"]
    assert template["metadata"]["labels"][LABEL] == "fast"
    assert template["spec"]["taints"] == [TAINT]
    assert template["spec"]["startupTaints"] == [{"key": "efa", "effect": "NoExecute"}]
    assert template["spec"]["nodeClassRef"]["name"] == "lab-fast"
    assert pool["limits"] == {"nvidia.com/gpu": "16"}
    assert how["metadataOptions"] | {"httpTokens": "required", "httpPutResponseHopLimit": 1} == how["metadataOptions"]
    assert all(volume["ebs"]["encrypted"] for volume in how["blockDeviceMappings"])
    assert how["associatePublicIPAddress"] is False


def test_bottlerocket_keeps_data_off_its_root() -> None:
    """Images and scratch data go to the second volume, which is the one that needs the size. Both are encrypted."""
    node_class = KARPENTER["nodeClass"] | {"amiAlias": "bottlerocket@1.56.0"}
    how = objects(plan_factory(factory(KARPENTER | {"nodeClass": node_class})), "EC2NodeClass")["lab-fast"]["spec"]
    volumes = {volume["deviceName"]: (volume["ebs"]["volumeSize"], volume["ebs"]["encrypted"]) for volume in how["blockDeviceMappings"]}
    assert volumes == {"/dev/xvda": ("4Gi", True), "/dev/xvdb": ("1Ti", True)}


def test_cluster_api_makes_closed_machines() -> None:
    """The pool's taint stays for good, a startup taint until it is taken off, and the label is of a domain that machines hand to nodes."""
    (deployment,) = objects(plan_factory(factory(MACHINES)), "MachineDeployment").values()
    template = deployment["spec"]["template"]
    assert deployment["metadata"]["namespace"] == "machines"
    assert template["spec"]["taints"] == [
        TAINT | {"propagation": "Always"},
        {"key": "burn-in", "effect": "NoSchedule", "propagation": "OnInitialization"},
    ]
    (domain,) = {key.split("/")[0] for key in template["metadata"]["labels"] if "/" in key and not key.startswith("cluster.x-k8s.io/")}
    assert domain == "node-restriction.kubernetes.io" or domain.endswith(".node-restriction.kubernetes.io")
    assert deployment["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


DRA = {"gpu": {"api": "DynamicResourceAllocation", "product": "NVIDIA-B200"}}


def test_claimed_devices_have_a_class_and_a_template_in_each_segment() -> None:
    """Pods of a segment claim a device of their pool without anybody writing a claim."""
    plan = plan_factory(factory(STATIC | DRA))
    assert list(objects(plan, "DeviceClass")) == ["lab-fast"]
    templates = [manifest.body for manifest in plan.manifests if manifest.body["kind"] == "ResourceClaimTemplate"]
    assert {body["metadata"]["namespace"] for body in templates} == {"lab-a", "lab-b"}
    for body in templates:
        (request,) = body["spec"]["spec"]["devices"]["requests"]
        assert request["exactly"]["deviceClassName"] == "lab-fast"
        assert request["exactly"]["adminAccess"] is False


def test_quota_counts_claims_where_devices_are_claimed() -> None:
    """A quota on requests does not limit claims (KEP-4381): without the other key a segment could claim the whole pool."""
    claimed = objects(plan_factory(factory(STATIC | DRA)), "ResourceQuota")["quota"]["spec"]["hard"]
    assert claimed == {"lab-fast.deviceclass.resource.k8s.io/devices": "8"}
    counted = objects(plan_factory(factory(STATIC)), "ResourceQuota")["quota"]["spec"]["hard"]
    assert counted == {"requests.nvidia.com/gpu": "8"}


@pytest.mark.parametrize(
    ("gpu", "expression"),
    [
        ({}, 'device.driver == "gpu.nvidia.com" && device.attributes["gpu.nvidia.com"].type == "gpu"'),
        (
            {"mig": "1g.10gb"},
            'device.driver == "gpu.nvidia.com" && device.attributes["gpu.nvidia.com"].type == "mig"'
            ' && device.attributes["gpu.nvidia.com"].profile == "1g.10gb"',
        ),
        (
            {"product": "NVIDIA-B200"},
            'device.driver == "gpu.nvidia.com" && device.attributes["gpu.nvidia.com"].type == "gpu"'
            ' && device.attributes["gpu.nvidia.com"].productName.replace(" ", "-") == "NVIDIA-B200"',
        ),
    ],
)
def test_device_expression(gpu: Data, expression: str) -> None:
    """A class takes whole GPUs or slices of one profile, never both, and asks for the driver first: other drivers have other attributes."""
    assert device_expression(factory(STATIC | {"gpu": gpu}).pools[0]) == expression


@pytest.mark.parametrize("pool", [STATIC, KARPENTER, MACHINES, STATIC | DRA], ids=["Static", "Karpenter", "ClusterAPI", "DRA"])
def test_a_changed_pool_changes_its_row(pool: Data) -> None:
    """Whatever a person changes in a pool shows in its preview row."""
    changes: Data = {"segments": ["a"], "sharing": "for the test", "gpu": {"product": "other"}, "startupTaints": [{"key": "new"}]}
    changes |= {
        "replicas": 4,
        "maxGpus": 9,
        "nodes": {"names": ["other"]},
        "expireAfter": "24h",
        "infrastructure": TEMPLATE | {"name": "x"},
    }
    for key, value in changes.items():
        if key in pool or key in ("segments", "sharing", "gpu"):
            before, after = (plan_factory(factory(spec)).intents for spec in (pool, pool | {key: value}))
            assert {component for component in before if before[component] != after[component]} == {("GpuPool", "fast")}, key
