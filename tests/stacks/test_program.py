"""The Pulumi program builds the plan of every stack file in the repository, and nothing when something is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi_engine import SECRET, Engine

import components
from components._apply import token
from factory.load import CONFIG_KEY, FILE_KEY, load_object
from factory.plan import Plan, plan_factory

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "stacks" / "__main__.py"
STACKS = {path.name.split(".")[1]: path for path in sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))}


@pytest.fixture(autouse=True)
def _cluster_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "reach", lambda build: None)


def spec(stack: str) -> dict[str, Any]:
    return yaml.safe_load(STACKS[stack].read_text())["config"][CONFIG_KEY]


def run(engine: Engine, data: Any) -> Engine:
    """Runs the program with the spec as Pulumi hands it over: as JSON."""
    engine.config[CONFIG_KEY] = json.dumps(data)
    return engine.run_file(PROGRAM)


def plan(stack: str) -> Plan:
    return plan_factory(load_object(spec(stack)))


def untold(inputs: dict[str, Any]) -> dict[str, Any]:
    """What is registered, without what the provider is told by annotations of its own."""
    metadata = inputs["metadata"]
    annotations = {key: value for key, value in metadata.get("annotations", {}).items() if not key.startswith("pulumi.com/")}
    return {**inputs, "metadata": {**metadata, "annotations": annotations}}


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_registers_its_plan_one_to_one(engine: Engine, stack: str) -> None:
    """Type, name and body of each object; parents, provider and order as the plan has them; no other object, no secret."""
    run(engine, spec(stack))
    by_id = {manifest.id: manifest for manifest in plan(stack).manifests}
    urns = {manifest.id: engine.urn(token(manifest), manifest.name) for manifest in by_id.values()}
    assert sorted(urns.values()) == sorted(urn for urn, each in engine.registered.items() if each in engine.objects)
    for key, manifest in by_id.items():
        each = engine.registered[urns[key]]
        if not manifest.patch:
            assert untold(each.inputs) == manifest.body, key
        assert each.parent == engine.urn(f"ai-factory:index:{manifest.component.kind}", manifest.component.name), key
        assert "pulumi:providers:kubernetes" in each.provider, key
        assert {urns[other] for other in manifest.after} <= each.depends_on, key
    assert SECRET not in str([each.inputs for each in engine.registered.values()])


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_exports_its_namespaces(engine: Engine, stack: str) -> None:
    """What a program beside it would ask for."""
    run(engine, spec(stack))
    name = spec(stack)["name"]
    assert engine.outputs == {"factory": name, "namespaces": {each["name"]: f"{name}-{each['name']}" for each in spec(stack)["segments"]}}


def test_a_spec_with_problems_registers_nothing_and_names_them_all(engine: Engine) -> None:
    """As one error of Pulumi's own kind, which the engine shows without a traceback."""
    data = spec("dev")
    data["segments"][0]["ownr"] = "x"
    data["flows"][0]["to"] = "intake/recever"
    with pytest.raises(pulumi.RunError, match=r"(?s)segments\[intake\]\.ownr.*recever|recever.*segments\[intake\]\.ownr"):
        run(engine, data)
    assert engine.registered == {}


def test_a_broken_rule_registers_nothing(engine: Engine) -> None:
    """Errors of rules refuse the stack, as `factory validate` does."""
    data = spec("dev")
    for segment in data["segments"]:
        segment.pop("quota")
    with pytest.raises(pulumi.RunError, match="quota"):
        run(engine, data)
    assert engine.registered == {}


def test_the_cluster_is_asked_before_anything_is_registered(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the provider."""

    def refuse(build: components.Build) -> None:
        raise pulumi.RunError(f"no {build.factory.cluster.context}")

    monkeypatch.setattr(components, "reach", refuse)
    with pytest.raises(pulumi.RunError, match="no factory-deployer"):
        run(engine, spec("dev"))
    assert engine.registered == {}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program in a folder of its own, beside the smallest stack's spec as a file."""
    (tmp_path / "acme.spec.yaml").write_text(yaml.safe_dump(spec("example")))
    return Path(shutil.copy(PROGRAM, tmp_path))


def test_a_spec_in_a_file_beside_the_program_is_built(engine: Engine, program: Path) -> None:
    """The same objects as from the configuration, from which only the file's name comes."""
    run(engine, spec("example"))
    other = Engine(config={FILE_KEY: "acme.spec.yaml"}).run_file(program)
    assert other.registered == engine.registered


def test_problems_in_a_file_are_told_with_file_and_line(engine: Engine, program: Path) -> None:
    """Of form and of rules; nothing is registered."""
    file = program.with_name("acme.spec.yaml")
    engine.config[FILE_KEY] = file.name
    text = file.read_text()
    file.write_text(text.replace("owner:", "ownr:", 1))
    with pytest.raises(pulumi.RunError, match=rf"(?s){file}: .*line \d+: ZT005 segments\[\w+\]\.ownr"):
        engine.run_file(program)
    broken = spec("example")
    for segment in broken["segments"]:
        segment.pop("quota")
    file.write_text(yaml.safe_dump(broken))
    with pytest.raises(pulumi.RunError, match=rf"(?s){file}: .*line \d+: ZT\d+ .*quota"):
        engine.run_file(program)
    assert engine.registered == {}


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({FILE_KEY: "missing.yaml"}, "does not exist"),
        ({FILE_KEY: "../acme.spec.yaml"}, "not the name of a YAML file"),
        ({FILE_KEY: "acme.spec.yaml", CONFIG_KEY: "{}"}, "is given beside ai-factory:spec"),
    ],
    ids=["missing", "elsewhere", "both"],
)
def test_a_file_that_cannot_be_meant_is_refused(engine: Engine, program: Path, config: dict[str, str], problem: str) -> None:
    """As `factory validate` does."""
    engine.config |= config
    with pytest.raises(pulumi.RunError, match=problem):
        engine.run_file(program)
    assert engine.registered == {}


def test_a_stack_without_a_spec_is_said(engine: Engine) -> None:
    """By the key that is missing."""
    with pytest.raises(pulumi.RunError, match="ai-factory:spec"):
        engine.run_file(PROGRAM)


def test_the_project_never_uses_the_ambient_cluster() -> None:
    """Default providers are off for every package."""
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert project["config"]["pulumi:disable-default-providers"] == {"value": ["*"]}
