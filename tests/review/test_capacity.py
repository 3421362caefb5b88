"""Changes of nodes, machines, queues and devices in words: each with its effect, and none that is not understood."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml
from plan.golden import STACKS

from factory.load import load_object
from factory.plan import plan_factory
from factory.review.diff import Diff, Effect, diff
from factory.review.fact import Topic, Weight
from factory.review.objects import Objects, of_plan

Spec = dict[str, Any]


def objects(spec: Spec) -> Objects:
    return of_plan(plan_factory(load_object(deepcopy(spec))), "stack")


def compare(stack: str, change: Callable[[Spec], object]) -> Diff:
    """A shipped stack against the same with a change of its spec."""
    spec: Spec = yaml.safe_load(STACKS[stack].read_text())["config"]["ai-factory:spec"]
    old = objects(spec)
    change(spec)
    return diff(old, objects(spec))


def pool(spec: Spec, name: str) -> Spec:
    return next(each for each in spec["pools"] if each["name"] == name)


def queue(spec: Spec, name: str) -> Spec:
    return next(each for each in spec["queues"] if each["name"] == name)


CHANGES: dict[str, tuple[str, Callable[[Spec], object], str, set[str]]] = {
    "more Karpenter nodes": ("eks", lambda s: pool(s, "h100").update(maxGpus=128), "widens trust", {"for 128 of nvidia.com/gpu at most"}),
    "fewer": ("eks", lambda s: pool(s, "h100").update(maxGpus=8), "narrows trust", {"for 8 of nvidia.com/gpu at most"}),
    "one more instance type": (
        "eks",
        lambda s: pool(s, "h100")["instanceTypes"].append("p5en.48xlarge"),
        "widens trust",
        {"nodes of quill-h100 may have node.kubernetes.io/instance-type p5en.48xlarge"},
    ),
    "another role": (
        "eks",
        lambda s: pool(s, "h100")["nodeClass"].update(role="admin"),
        "widens and narrows trust",
        {"act in the cloud as role admin", "no longer: nodes of class quill-h100 act in the cloud as role quill-gpu-node"},
    ),
    "another image": (
        "eks",
        lambda s: pool(s, "h100")["nodeClass"].update(amiAlias="al2023@v20261101"),
        "widens and narrows trust",
        {"start from image al2023@v20261101"},
    ),
    "older nodes": ("eks", lambda s: pool(s, "l40s").update(expireAfter="700h"), "widens trust", {"are replaced after 700h"}),
    "no startup taint": (
        "eks",
        lambda s: pool(s, "h100").pop("startupTaints"),
        "widens trust",
        {"no longer: nodes of quill-h100 are closed"},
    ),
    "more machines": (
        "capi",
        lambda s: pool(s, "b200").update(replicas=80),
        "widens trust",
        {"there are 80 machines of metal/meridian-b200"},
    ),
    "another machine version": (
        "capi",
        lambda s: pool(s, "b200").update(machineVersion="v1.36.4"),
        "widens and narrows trust",
        {"run Kubernetes v1.36.4"},
    ),
    "another machine template": (
        "capi",
        lambda s: pool(s, "b200")["infrastructure"].update(name="other"),
        "widens and narrows trust",
        {"are made as Metal3MachineTemplate other"},
    ),
    "a greater share": (
        "capi",
        lambda s: queue(s, "batch")["shares"][0].update(gpu=72),
        "widens trust",
        {"gives out 72 nvidia.com/gpu of meridian-b200"},
    ),
    "less to borrow": (
        "capi",
        lambda s: queue(s, "batch")["shares"][1].update(borrows=4),
        "narrows trust",
        {"borrows at most 4 nvidia.com/mig-2g.20gb of meridian-slices"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_told_in_words(name: str) -> None:
    """A change of a pool or a queue has its own sentence and the right verdict, and nothing about it is unknown."""
    stack, change, verdict, words = CHANGES[name]
    found = compare(stack, change)
    said = [change.said for change in found.changes]
    assert found.verdict == verdict, said
    assert all(any(word in sentence for sentence in said) for word in words), said
    assert not [change.said for change in found.changes if change.effect is Effect.UNKNOWN or change.topic is Topic.OBJECTS]


def tampered(stack: str, kind: str, path: tuple[str | int, ...], value: Any) -> Diff:
    """A plan against the same with one field of one object changed, or without it where the value is None."""
    planned = objects(yaml.safe_load(STACKS[stack].read_text())["config"]["ai-factory:spec"])
    bodies: list[Any] = deepcopy(list(planned.bodies))
    place = next(body for body in bodies if body["kind"] == kind)
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return diff(planned, Objects("live", tuple(bodies)))


EBS = ("spec", "blockDeviceMappings", 0, "ebs")


@pytest.mark.parametrize(
    ("stack", "kind", "path", "value", "weight", "words"),
    [
        ("eks", "EC2NodeClass", ("spec", "metadataOptions", "httpTokens"), "optional", Weight.CRITICAL, "IMDSv1"),
        ("eks", "EC2NodeClass", ("spec", "metadataOptions", "httpPutResponseHopLimit"), 2, Weight.CRITICAL, "over 2 hops"),
        ("eks", "EC2NodeClass", ("spec", "associatePublicIPAddress"), True, Weight.CRITICAL, "public address"),
        ("eks", "EC2NodeClass", ("spec", "associatePublicIPAddress"), None, Weight.CRITICAL, "public address"),
        ("eks", "EC2NodeClass", (*EBS, "encrypted"), False, Weight.CRITICAL, "unencrypted"),
        ("eks", "EC2NodeClass", (*EBS, "deleteOnTermination"), False, Weight.HIGH, "leave /dev/xvda behind"),
        ("eks", "EC2NodeClass", ("spec", "userData"), "#!/bin/sh", Weight.HIGH, "meaning unknown"),
        ("eks", "NodePool", ("spec", "template", "spec", "taints"), [], Weight.MEDIUM, "no longer: nodes of quill-h100 are closed"),
        (
            "eks",
            "NodePool",
            ("spec", "template", "spec", "requirements"),
            [],
            Weight.LOW,
            "made with a listed node.kubernetes.io/instance-type",
        ),
        ("eks", "NodePool", ("spec", "limits"), {}, Weight.LOW, "no longer: quill-h100 makes nodes for 64"),
        ("eks", "NodePool", ("spec", "weight"), 7, Weight.HIGH, "meaning unknown"),
        (
            "capi",
            "MachineDeployment",
            ("spec", "template", "spec", "taints"),
            [],
            Weight.MEDIUM,
            "no longer: machines of metal/meridian-b200 are closed to pods",
        ),
        (
            "capi",
            "ClusterQueue",
            ("spec", "namespaceSelector"),
            {},
            Weight.HIGH,
            "jobs of every namespace may wait in queue meridian-batch",
        ),
        ("capi", "LocalQueue", ("spec", "clusterQueue"), "other", Weight.LOW, "jobs of sandbox enter queue other by batch"),
        ("onprem", "ResourceFlavor", ("spec", "tolerations"), [{"operator": "Exists"}], Weight.HIGH, "tolerate"),
        ("onprem", "DeviceClass", ("spec", "selectors"), [], Weight.MEDIUM, "no longer: devices of class aurora-b200 are those where"),
    ],
)
def test_tampering_widens(stack: str, kind: str, path: tuple[str | int, ...], value: Any, weight: Weight, words: str) -> None:
    """What makes nodes, queues or devices less safe widens trust, as badly as it is bad."""
    found = tampered(stack, kind, path, value)
    assert found.widens
    assert [change.weight for change in found.changes if words in change.said] == [weight], [change.said for change in found.changes]


def test_a_new_pool_is_told_once() -> None:
    """Nodes and machines that come new are a line each, not one for each of their fields; so are those that go."""
    for stack, words in (
        ("eks", "Karpenter makes nodes by NodePool quill-h100"),
        ("capi", "Cluster API makes machines by MachineDeployment metal/meridian-b200"),
    ):
        spec: Spec = yaml.safe_load(STACKS[stack].read_text())["config"]["ai-factory:spec"]
        planned = objects(spec)
        name = words.rpartition(" ")[2].rpartition("/")[2]
        without = Objects("without", tuple(body for body in planned.bodies if body["metadata"]["name"] != name))
        said = [change.said for change in diff(without, planned).changes if change.topic is Topic.CAPACITY]
        assert words in said
        assert len(said) <= 2, said
        assert not [change for change in diff(planned, without).changes if change.effect is Effect.UNKNOWN]
