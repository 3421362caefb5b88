"""GPU pools: nodes of one kind that only the pods of a pool's own workloads may use.

Every node of a pool bears a taint that keeps all other pods away and a label that keeps the pool's pods on it. Who puts them there depends
on the provisioner: a patch of ours, Karpenter, or Cluster API. A pool by `selector` is only chosen, never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import AnyPool, ClusterApiPool, DeviceApi, Factory, KarpenterPool, StaticPool, Taint

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, Manifest

CONTROLS = (controls.TENET_3, controls.TENET_5, controls.CIS_NAMESPACES)

DRIVER = "gpu.nvidia.com"
"""Name of NVIDIA's DRA driver, and the domain of its devices' attributes."""

ROOT_VOLUME = "/dev/xvda"
DATA_VOLUME = {"al2023": "/dev/xvda", "bottlerocket": "/dev/xvdb"}
"""Where images and scratch data go: Bottlerocket keeps them off its root volume (Karpenter's EC2NodeClass page, blockDeviceMappings)."""


def pool_node_selector(pool: AnyPool) -> dict[str, str]:
    """Labels that every node of the pool carries and no other node: what its pods must put in `nodeSelector`."""
    if isinstance(pool, StaticPool) and pool.nodes.selector:
        return dict(sorted(pool.nodes.selector.items()))
    return {names.NODE_POOL: pool.name}


def pool_taint(pool: AnyPool) -> dict[str, str]:
    """The taint that every node of the pool bears."""
    return {"key": names.POOL, "value": pool.name, "effect": "NoSchedule"}


def pool_toleration(pool: AnyPool) -> dict[str, str]:
    """The toleration that the pool's pods carry, and no other pods may."""
    return {"key": names.POOL, "operator": "Equal", "value": pool.name, "effect": "NoSchedule"}


def device_class(factory: str, pool: AnyPool) -> str:
    """The DeviceClass of a pool whose devices are claimed: `helix-b200`."""
    return names.cluster_wide(factory, pool.name)


def pool_quota(factory: str, pool: AnyPool) -> str:
    """The ResourceQuota key that counts the pool's devices: of requests, or of claims (KEP-4381), which no request limits."""
    if pool.gpu.api is DeviceApi.DYNAMIC_RESOURCE_ALLOCATION:
        return f"{device_class(factory, pool)}.deviceclass.resource.k8s.io/devices"
    return f"requests.{pool.gpu.resource}"


def plan_pool(factory: Factory, pool: AnyPool) -> Iterator[Manifest]:
    """Its nodes, and where devices are claimed its device class with one claim template for each of its segments."""
    if isinstance(pool, StaticPool):
        yield from plan_nodes(factory, pool)
    elif isinstance(pool, KarpenterPool):
        yield from plan_karpenter(factory, pool)
    else:
        yield from plan_machines(factory, pool)
    if pool.gpu.api is DeviceApi.DYNAMIC_RESOURCE_ALLOCATION:
        yield from plan_devices(factory, pool)


def plan_nodes(factory: Factory, pool: StaticPool) -> Iterator[Manifest]:
    """One patch for each named node: the pool's label and taint.

    `spec.taints` is one atomic list, so the patch owns all of it: a taint that somebody else puts on the node is undone by the next change,
    except for those of the node controller (`node.kubernetes.io/not-ready`, `…/unschedulable`), which puts them back within seconds.
    When the patch is removed, label and taint go. The taint stays, and `kubectl taint node NAME ai-factory.dev/pool-` removes it, if the
    node controller wrote the list in between, since it then owns it: a node that was once unready stays closed rather than open.
    """
    because = Because(f"pools[{pool.name}].nodes", "only the pool's own pods run on its nodes", CONTROLS)
    for node in pool.nodes.expanded:
        patch = body(
            "v1",
            "Node",
            node,
            because,
            factory=factory.name,
            labels={names.NODE_POOL: pool.name},
            spec={"taints": [pool_taint(pool)]},
        )
        yield Manifest(_component(pool), f"node-{node}", patch, because, patch=True)


def plan_karpenter(factory: Factory, pool: KarpenterPool) -> Iterator[Manifest]:
    """A NodePool that says when nodes are made, and the EC2NodeClass that says how."""
    name = names.cluster_wide(factory.name, pool.name)
    yield _node_class(factory, pool, name)

    because = Because(f"pools[{pool.name}]", "nodes are made for the pool's own pods only, and replaced before they age", CONTROLS)
    template: Body = {
        "metadata": {"labels": {names.FACTORY: factory.name, **pool_node_selector(pool)}},
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": name},
            "requirements": [
                {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": sorted(pool.instance_types)},
                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": [pool.capacity_type]},
            ],
            "taints": [pool_taint(pool)],
            "startupTaints": _taints(pool.startup_taints),
            "expireAfter": pool.expire_after,
            # Without it a disruption budget of some pod keeps an expired node alive for ever.
            "terminationGracePeriod": "24h",
        },
    }
    node_pool = body(
        "karpenter.sh/v1",
        "NodePool",
        name,
        because,
        factory=factory.name,
        labels={names.POOL: pool.name},
        spec={
            "template": template,
            "limits": {"nvidia.com/gpu": str(pool.max_gpus)},
            # Training that runs is never moved to save money; a node goes when it is empty, and one tenth of them at a time.
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m", "budgets": [{"nodes": "10%"}]},
        },
    )
    yield Manifest(_component(pool), "nodepool", node_pool, because, after=(f"{_component(pool)}/nodeclass",))


def plan_machines(factory: Factory, pool: ClusterApiPool) -> Iterator[Manifest]:
    """A MachineDeployment in the namespace of its Cluster, on a cluster that manages itself.

    Taints need Cluster API's gate `MachineTaintPropagation` (alpha since 1.12): without it the object is refused, so no node stays open.
    Until its taints are set, a node that kubeadm makes bears `node.cluster.x-k8s.io/uninitialized`, and nothing runs on it.
    """
    because = Because(f"pools[{pool.name}]", "machines are made for the pool's own pods only", CONTROLS)
    name = names.cluster_wide(factory.name, pool.name)
    select = {"cluster.x-k8s.io/cluster-name": pool.cluster, "cluster.x-k8s.io/deployment-name": name}
    taints = [pool_taint(pool) | {"propagation": "Always"}]
    taints += [taint | {"propagation": "OnInitialization"} for taint in _taints(pool.startup_taints)]
    machines = body(
        "cluster.x-k8s.io/v1beta2",
        "MachineDeployment",
        name,
        because,
        factory=factory.name,
        namespace=pool.namespace,
        labels={names.POOL: pool.name, "cluster.x-k8s.io/cluster-name": pool.cluster},
        spec={
            "clusterName": pool.cluster,
            "replicas": pool.replicas,
            "selector": {"matchLabels": select},
            "template": {
                "metadata": {"labels": {**select, **pool_node_selector(pool)}},
                "spec": {
                    "clusterName": pool.cluster,
                    "version": pool.machine_version,
                    "bootstrap": {"configRef": pool.bootstrap.model_dump()},
                    "infrastructureRef": pool.infrastructure.model_dump(),
                    "taints": taints,
                },
            },
        },
    )
    yield Manifest(_component(pool), "machines", machines, because)


def plan_devices(factory: Factory, pool: AnyPool) -> Iterator[Manifest]:
    """The DeviceClass that describes the pool's devices, and in each of its segments the template that claims one of them."""
    name = device_class(factory.name, pool)
    because = Because(f"pools[{pool.name}].gpu", "GPUs are claimed by class, one pod at a time", CONTROLS)
    devices = body(
        "resource.k8s.io/v1",
        "DeviceClass",
        name,
        because,
        factory=factory.name,
        labels={names.POOL: pool.name},
        spec={"selectors": [{"cel": {"expression": device_expression(pool)}}]},
    )
    yield Manifest(_component(pool), "deviceclass", devices, because)

    for segment in sorted(pool.segments):
        because = Because(f"pools[{pool.name}].segments[{segment}]", "pods of the segment claim one GPU of the pool by this", CONTROLS)
        request = {"name": "gpu", "exactly": {"deviceClassName": name, "allocationMode": "ExactCount", "count": 1, "adminAccess": False}}
        template = body(
            "resource.k8s.io/v1",
            "ResourceClaimTemplate",
            pool.name,
            because,
            factory=factory.name,
            namespace=names.namespace(factory.name, segment),
            labels={names.POOL: pool.name},
            spec={"spec": {"devices": {"requests": [request]}}},
        )
        after = (f"Segment {segment}/namespace", f"{_component(pool)}/deviceclass")
        yield Manifest(_component(pool), f"claim-{segment}", template, because, after=after)


def device_expression(pool: AnyPool) -> str:
    """CEL that is true for the pool's devices only. GPU feature discovery writes `-` where the driver's product name has a space."""
    attributes = f'device.attributes["{DRIVER}"]'
    terms = [f'device.driver == "{DRIVER}"']
    if pool.gpu.mig:
        terms += [f'{attributes}.type == "mig"', f'{attributes}.profile == "{pool.gpu.mig}"']
    else:
        terms += [f'{attributes}.type == "gpu"']
    if pool.gpu.product:
        terms += [f'{attributes}.productName.replace(" ", "-") == "{pool.gpu.product}"']
    return " && ".join(terms)


def describe_pool(pool: AnyPool) -> dict[str, Any]:
    """What its preview row shows: where its nodes come from, what they carry, who may use them."""
    intent = pool.model_dump(mode="json", exclude={"name"}, exclude_none=True, exclude_defaults=True)
    intent |= {"gpu": pool.gpu.resource, "deviceApi": pool.gpu.api.value, "segments": sorted(pool.segments)}
    if pool.gpu.product:
        intent["product"] = pool.gpu.product
    if isinstance(pool, StaticPool):
        intent["nodes"] = sorted(pool.nodes.names) or pool_node_selector(pool)
    if isinstance(pool, KarpenterPool):
        intent["instanceTypes"] = sorted(pool.instance_types)
    if isinstance(pool, KarpenterPool | ClusterApiPool) and pool.startup_taints:
        intent["startupTaints"] = _taints(pool.startup_taints)
    return intent


def _component(pool: AnyPool) -> Component:
    return Component("GpuPool", pool.name)


def _taints(taints: tuple[Taint, ...]) -> list[Body]:
    bodies = [taint.model_dump(mode="json", exclude_defaults=True) | {"effect": taint.effect.value} for taint in taints]
    return sorted(bodies, key=lambda taint: (taint["key"], taint["effect"]))


def _node_class(factory: Factory, pool: KarpenterPool, name: str) -> Manifest:
    """Encrypted volumes, no public address, and instance credentials that no pod can reach: IMDSv2 only, one hop (AWS, *Use IMDSv2*)."""
    because = Because(f"pools[{pool.name}].nodeClass", "nodes hold data encrypted and lend their credentials to no pod", CONTROLS)
    node_class = pool.node_class
    family = node_class.ami_alias.split("@")[0]
    discovery = [{"tags": {"karpenter.sh/discovery": node_class.discovery}}]
    volumes = {ROOT_VOLUME: "4Gi"} | {DATA_VOLUME[family]: node_class.volume_size}
    how = body(
        "karpenter.k8s.aws/v1",
        "EC2NodeClass",
        name,
        because,
        factory=factory.name,
        labels={names.POOL: pool.name},
        spec={
            "role": node_class.role,
            "amiSelectorTerms": [{"alias": node_class.ami_alias}],
            "subnetSelectorTerms": discovery,
            "securityGroupSelectorTerms": discovery,
            "associatePublicIPAddress": False,
            "blockDeviceMappings": [
                {"deviceName": device, "ebs": {"volumeSize": size, "volumeType": "gp3", "encrypted": True, "deleteOnTermination": True}}
                for device, size in volumes.items()
            ],
            "metadataOptions": {
                "httpEndpoint": "enabled",
                "httpTokens": "required",
                "httpPutResponseHopLimit": 1,
                "httpProtocolIPv6": "disabled",
            },
            "tags": {names.FACTORY: factory.name, names.POOL: pool.name},
        },
    )
    return Manifest(_component(pool), "nodeclass", how, because)
