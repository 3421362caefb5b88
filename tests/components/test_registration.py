"""What the components register is the plan: nothing more, nothing less, nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi_engine import SECRET, Engine

import components
from components import AiFactory, Build, connect
from components._apply import READY, UNSEEN, token
from components._part import Part
from factory.plan import Component, plan_factory

SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Production",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix-prod"},
    "images": {"registries": ["registry.helix.example/"], "digests": True},
    "segments": [
        {"name": "ingestion", "stage": "Ingestion", "owner": "data-platform", "quota": {"cpu": "32", "memory": "128Gi"}},
        {"name": "training", "stage": "Training", "owner": "ml-research", "quota": {"cpu": "64", "memory": "512Gi", "gpu": 16}},
        {"name": "serving", "stage": "Inference", "owner": "serving", "quota": {"cpu": "64", "memory": "256Gi"}},
    ],
    "workloads": [
        {"name": "loader", "segment": "ingestion"},
        {"name": "features", "segment": "training", "listens": [{"name": "grpc", "port": 9000}]},
        {"name": "trainer", "segment": "training", "pool": "h100"},
        {"name": "server", "segment": "serving", "listens": [{"name": "https", "port": 8443}]},
    ],
    "peers": [{"name": "ingress", "namespace": "ingress", "podLabels": {"app": "ingress"}}],
    "flows": [
        {"from": "ingestion/loader", "to": "training/features", "port": "grpc", "because": "nightly feature build"},
        {"from": "ingress", "to": "serving/server", "port": "https", "because": "scoring by our shop"},
    ],
    "pools": [{"name": "h100", "provisioner": "Static", "nodes": {"names": ["gpu-[0-1]"]}, "segments": ["training"]}],
}


def build(engine: Engine, **changes: Any) -> Build:
    """The spec with changes, registered whole."""
    made: list[Build] = []

    def program() -> None:
        made.append(Build(copy.deepcopy(SPEC) | changes))
        AiFactory("helix", made[0], pulumi.ResourceOptions(provider=connect(made[0])))

    engine.run(program)
    return made[0]


def test_registered_objects_equal_the_plan_one_to_one(engine: Engine) -> None:
    """Every manifest is one resource with its token, name and body; no other object is registered."""
    manifests = build(engine).plan.manifests
    registered = {(each.type, each.name): each.inputs for each in engine.objects}
    assert len(registered) == len(engine.objects)
    assert registered.keys() == {(token(manifest), manifest.name) for manifest in manifests}
    for manifest in manifests:
        if not manifest.patch:
            assert registered[token(manifest), manifest.name] == manifest.body


def test_what_is_waited_for(engine: Engine) -> None:
    """Not what the provider would look at pods for, which it may not read; but until Kyverno verifies. Nothing else is changed."""
    spec = yaml.safe_load((Path(__file__).parents[2] / "stacks" / "Pulumi.models.yaml").read_text())["config"]["ai-factory:spec"]
    made = build(engine, **spec | {"name": "helix"})
    registered = {(each.type, each.name): each.inputs for each in engine.objects}
    told = dict.fromkeys(UNSEEN, ("skipAwait", "true")) | {kind: ("waitFor", how) for kind, how in READY.items()}
    assert {manifest.body["kind"] for manifest in made.plan.manifests} >= told.keys()
    for manifest in made.plan.manifests:
        inputs = copy.deepcopy(registered[token(manifest), manifest.name])
        if manifest.body["kind"] in told:
            what, how = told[manifest.body["kind"]]
            assert inputs["metadata"]["annotations"].pop(f"pulumi.com/{what}") == how
        if not manifest.patch:
            assert inputs == manifest.body


def test_every_object_is_a_child_of_its_component_and_every_component_of_the_factory(engine: Engine) -> None:
    """The preview's tree is the spec's: factory, then segments, pools and so on, then objects."""
    plan = build(engine).plan
    root = engine.urn("ai-factory:index:AiFactory", "helix")
    for manifest in plan.manifests:
        kind, name = manifest.component
        assert engine.registered[engine.urn(token(manifest), manifest.name)].parent == engine.urn(f"ai-factory:index:{kind}", name)
    for component in engine.components:
        if component.name != "helix":
            assert component.parent == root


def test_components_say_what_they_are_for(engine: Engine) -> None:
    """A component's inputs are its intent, so that its preview row shows what a person changed."""
    plan = build(engine).plan
    shown = {Component(each.type.rpartition(":")[2], each.name): each.inputs for each in engine.components}
    assert shown == plan.intents


def test_no_object_uses_a_default_provider(engine: Engine) -> None:
    """Everything goes through the one provider that names its context; that context is also its identity."""
    build(engine)
    (provider,) = [each for each in engine.registered.values() if each.type == "pulumi:providers:kubernetes"]
    assert provider.inputs["context"] == provider.inputs["clusterIdentifier"] == "helix-prod"
    assert {each.provider.partition("::helix::")[2] for each in engine.objects} == {"helix-id"}
    assert "kubeconfig" not in provider.inputs, "a path or a credential would be written to the state"


def test_without_a_provider_nothing_is_registered(engine: Engine) -> None:
    """The ambient context may be any cluster: without a provider the program ends before the first object."""
    with pytest.raises(pulumi.RunError, match=r'AiFactory "helix" has no Kubernetes provider.*connect'):
        engine.run(lambda: AiFactory("helix", SPEC))
    assert engine.objects == []


def test_namespaces_come_first_and_take_their_objects_with_them(engine: Engine) -> None:
    """An object waits for its namespace and is deleted by it, pods before policies (KEP-5080)."""
    for manifest in build(engine).plan.manifests:
        metadata = manifest.body["metadata"]
        each = engine.registered[engine.urn(token(manifest), manifest.name)]
        if metadata.get("namespace", "").startswith("helix-"):
            segment = metadata["namespace"].removeprefix("helix-")
            namespace = engine.urn("kubernetes:core/v1:Namespace", f"{segment}.namespace")
            assert namespace in each.depends_on
            assert each.deleted_with == namespace
        else:
            assert each.deleted_with == ""


def test_what_must_come_after_waits(engine: Engine) -> None:
    """`after` of the plan is a dependency of the engine, across components too."""
    plan = build(engine).plan
    by_id = {manifest.id: manifest for manifest in plan.manifests}
    for manifest in plan.manifests:
        each = engine.registered[engine.urn(token(manifest), manifest.name)]
        for other in manifest.after:
            assert engine.urn(token(by_id[other]), by_id[other].name) in each.depends_on


@pytest.mark.parametrize(("posture", "protected"), [("Production", {"Namespace"}), ("Development", set())])
def test_production_protects_what_holds_data(engine: Engine, posture: str, protected: set[str]) -> None:
    """`pulumi destroy` works in Development; in Production its preview ends in an error, and no namespace goes without one."""
    build(engine, posture=posture)
    assert {each.inputs["kind"] for each in engine.objects if each.protect} == protected


def test_fixed_names_are_deleted_before_they_are_replaced(engine: Engine) -> None:
    """Created first, a replacement would be the old object itself, which is deleted next."""
    build(engine)
    assert all(each.delete_before_replace for each in engine.objects)


def test_nodes_are_patched_never_created(engine: Engine) -> None:
    """A node belongs to somebody else; the patch takes over its list of taints, which the node controller writes too."""
    build(engine)
    nodes = [each for each in engine.objects if each.inputs["kind"] == "Node"]
    assert {each.type for each in nodes} <= {"kubernetes:core/v1:NodePatch"}
    assert all(each.inputs["metadata"]["annotations"]["pulumi.com/patchForce"] == "true" for each in nodes)


def test_the_plan_is_not_changed_by_registering(engine: Engine) -> None:
    """Bodies are shared with render and audit."""
    made = build(engine)
    assert made.plan == plan_factory(made.factory)


def test_no_secret_is_registered(engine: Engine) -> None:
    """Neither a Secret object nor a secret value."""
    build(engine)
    assert not any(each.inputs.get("kind") == "Secret" for each in engine.objects)
    assert SECRET not in str([each.inputs for each in engine.registered.values()])


def test_a_name_that_the_factory_lacks_is_refused(engine: Engine) -> None:
    """With what is allowed, and what was probably meant."""
    with pytest.raises(pulumi.RunError, match=r'Segment "trainig" is not in the factory "helix"; allowed: .*Did you mean "training"\?'):
        engine.run(lambda: components.Segment("trainig", SPEC))


def test_every_exported_component_is_part_of_the_factory() -> None:
    """A component class that `AiFactory` does not know would never be built."""
    from components.ai_factory import PARTS

    classes = {value for name in components.__all__ if isinstance(value := getattr(components, name), type) and issubclass(value, Part)}
    assert classes == {AiFactory, *PARTS.values()}
