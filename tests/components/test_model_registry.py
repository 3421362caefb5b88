"""The registry as resources: in which order, and what is protected."""

from __future__ import annotations

import copy
from typing import Any

import pulumi
import pytest
import yaml
from pulumi_engine import SECRET, Engine

from components import AiFactory, Build, connect
from factory.plan.registry import CLAIM, READ, WRITE
from tests.plan.golden import STACKS

SPEC: dict[str, Any] = yaml.safe_load(STACKS["models"].read_text())["config"]["ai-factory:spec"]
ROW = "ai-factory:index:ModelRegistry"


def build(engine: Engine, **changes: Any) -> Build:
    """The stack with a registry, registered whole."""
    made: list[Build] = []

    def program() -> None:
        made.append(Build(copy.deepcopy(SPEC) | changes))
        AiFactory("tidal", made[0], pulumi.ResourceOptions(provider=connect(made[0])))

    engine.run(program)
    return made[0]


def urn(engine: Engine, token: str, name: str) -> str:
    return str(engine.urn(f"kubernetes:{token}", f"tidal.{name}"))


def test_its_row_says_who_may_push_and_pull(engine: Engine) -> None:
    """A reviewer of a preview sees it change with a flow. No secret is in it but the name of one."""
    build(engine)
    (row,) = [each for each in engine.components if each.type == ROW]
    assert set(row.inputs["mayPush"]) == {"training/trainer", "evaluation/judge", "release-desk"}
    assert set(row.inputs["mayPull"]) == {"nodes", "kyverno"}
    assert SECRET not in str(row.inputs)


def test_doors_wait_for_what_they_run_on(engine: Engine) -> None:
    """A door comes after its store, its configuration, its identity and the guardrails; a collection after the door that it closes."""
    build(engine)
    for door in (WRITE, READ):
        waits = engine.registered[urn(engine, "apps/v1:Deployment", door)].depends_on
        assert urn(engine, "core/v1:PersistentVolumeClaim", "registry-store") in waits
        assert urn(engine, "core/v1:ConfigMap", f"{door}-config") in waits
        assert engine.urn("kubernetes:core/v1:ServiceAccount", f"registry.workload-{door}") in waits
        assert any("ValidatingAdmissionPolicyBinding" in each for each in waits)
    assert urn(engine, "apps/v1:Deployment", WRITE) in engine.registered[urn(engine, "batch/v1:CronJob", f"{WRITE}-collection")].depends_on


@pytest.mark.parametrize(("posture", "protected"), [("Production", True), ("Development", False)])
def test_the_store_is_protected_in_production(engine: Engine, posture: str, protected: bool) -> None:
    """Models cannot be planned again: in Production nobody removes their volume by a deploy."""
    small = {key: copy.deepcopy(SPEC[key]) for key in ("name", "trustDomain", "cluster", "registry")} | {
        "posture": posture,
        "images": {"registries": ["mirror.tidal.example/upstream/"], "digests": True},
        "segments": [segment for segment in SPEC["segments"] if segment["name"] == "registry"],
        "workloads": [workload for workload in SPEC["workloads"] if workload["segment"] == "registry"],
        "models": [{"name": "base", "repository": "registry.tidal.example/models/base", "imported": True}],
        "peers": [peer for peer in SPEC["peers"] if peer["name"] in ("release-desk", "nodes")],
        "flows": [flow for flow in SPEC["flows"] if flow["from"] in ("release-desk", "nodes")],
    }
    engine.run(lambda: AiFactory("tidal", (made := Build(small)), pulumi.ResourceOptions(provider=connect(made))))
    claim = engine.registered[urn(engine, "core/v1:PersistentVolumeClaim", "registry-store")]
    assert bool(claim.protect) is protected
    assert claim.inputs["metadata"]["name"] == CLAIM
