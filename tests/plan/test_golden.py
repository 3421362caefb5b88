"""The plans of the stacks that we ship, against what they were."""

from __future__ import annotations

from datetime import date
from difflib import unified_diff

import pytest

from factory.errors import Severity
from factory.load import load_stack
from factory.plan import names
from factory.rules import check
from factory.spec import DeviceApi, NetworkEngine

from .golden import FOLDER, STACKS, golden, plan_of

TODAY = date(2026, 12, 1)
"""Rules about dates ask for the day. A fixed one, so that a test that passes keeps passing."""

NAMES = """
The names of resources have changed. Pulumi knows a resource by its type and logical name: under another one it is deleted and made anew.
If that is meant, give the old name as an alias in components/, then write the golden plans again with `make golden`."""
OBJECTS = "\nThe objects have changed. If that is meant, write the golden plans again with `make golden` and read their diff."


@pytest.fixture(scope="module")
def planned() -> dict[str, str]:
    return golden()


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_plan_is_what_it_was(planned: dict[str, str], name: str) -> None:
    """No object changes, and no resource is renamed, without somebody seeing it."""
    was, now = (FOLDER / name).read_text(), planned.get(name, "")
    changes = "\n".join(unified_diff(was.splitlines(), now.splitlines(), f"golden/{name}", "now", lineterm="", n=1))
    assert was == now, f"\n{changes}\n{NAMES if name.endswith('.txt') else OBJECTS}"


def test_every_stack_has_a_golden_plan(planned: dict[str, str]) -> None:
    """A new stack file is guarded from its first day."""
    assert {path.name for path in FOLDER.iterdir()} == set(planned), "run `make golden`"


@pytest.mark.parametrize("stack", STACKS)
def test_no_rule_refuses_a_shipped_stack(stack: str) -> None:
    """Whoever copies a stack file starts without errors."""
    errors = [str(finding) for finding in check(load_stack(STACKS[stack]).factory, TODAY) if finding.severity is Severity.ERROR]
    assert errors == []


def test_the_shipped_stacks_show_every_feature() -> None:
    """What no stack file uses, nobody finds by copying, and no golden plan guards."""
    factories = {stack: load_stack(path).factory for stack, path in STACKS.items()}
    pools = [pool for factory in factories.values() for pool in factory.pools]
    assert {pool.provisioner for pool in pools} == {"Static", "Karpenter", "ClusterAPI"}
    assert {pool.gpu.api for pool in pools} == set(DeviceApi)
    assert any(pool.gpu.mig for pool in pools)
    assert {factory.cluster.network_policy for factory in factories.values()} == set(NetworkEngine)
    for feature in ("queues", "roles", "waivers", "datasets", "models", "peers", "access"):
        assert any(getattr(factory, feature) for factory in factories.values()), feature
    for choice in ("cluster_network_policy", "static_policies"):
        assert {getattr(factory.cluster, choice) for factory in factories.values()} == {True, False}, choice
    dev = factories["dev"]
    assert len(dev.segments) >= 6
    assert len(dev.workloads) >= 14
    assert len(dev.flows) >= 20


def test_each_node_of_the_lab_is_in_one_pool_of_the_dev_stack() -> None:
    """The nodes that the lab plays are the ones that the dev stack's pools name: no pool is empty, no GPU node is open."""
    from lab.node import read_nodes

    nodes = {node["metadata"]["name"] for node in read_nodes(STACKS["dev"].parent / "dev.nodes.yaml")}
    patched = [manifest.body["metadata"]["name"] for manifest in plan_of("dev").manifests if manifest.body["kind"] == "Node"]
    assert len(patched) == len(set(patched)) == 40
    assert set(patched) == {name for name in nodes if name.startswith("gpu-")}
    assert all(
        manifest.body["metadata"]["labels"][names.NODE_POOL] for manifest in plan_of("dev").manifests if manifest.body["kind"] == "Node"
    )
