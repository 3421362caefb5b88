"""A spec in a file of its own, which a stack file names because Pulumi's configuration has no room for it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from test_load import STACK

from factory.cli import main
from factory.errors import SpecError
from factory.load import MAX_CONFIG_BYTES, load_stack, load_text
from factory.review.diff import diff
from factory.review.objects import read_objects

ROOT = Path(__file__).parent.parent
SPEC = "\n".join(line.removeprefix("    ") for line in STACK.splitlines()[2:]) + "\n"
NAMING = "config:\n  ai-factory:specFile: helix.spec.yaml\n"


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A stack file that names its spec, and the spec."""
    (tmp_path / "helix.spec.yaml").write_text(SPEC)
    path = tmp_path / "Pulumi.helix.yaml"
    path.write_text(NAMING)
    return path


def test_it_is_the_same_factory(stack: Path) -> None:
    """Wherever the spec stands, it says the same; each path has its line in the file in which it stands."""
    apart, within = load_stack(stack), load_text(STACK, "Pulumi.helix.yaml")
    assert apart.factory == within.factory
    for path in ("cluster", "segments[training].quota.gpu", "workloads[training/store].listens[features]"):
        assert apart.line(path) == (within.line(path) or 0) - 2


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (("2Ti", "2TB"), 8),
        (("segment: training, reads", "segment: trainig, reads"), 13),
        (("name: helix", "name: helix\nname: b"), 2),
        (("a", "\ta"), 1),
    ],
    ids=["form", "dangling", "duplicate", "tab"],
)
def test_a_mistake_is_placed_in_the_file_where_it_stands(
    stack: Path, wrong: tuple[str, str], line: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """An editor that jumps to it opens the right file."""
    spec = stack.with_name("helix.spec.yaml")
    spec.write_text(SPEC.replace(*wrong, 1))
    assert main(["validate", str(stack)]) == 1
    assert f"{spec}:{line}: error" in capsys.readouterr().out
    assert main(["validate", "--format", "json", str(stack)]) == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert (result["stack"], result["file"]) == (str(stack), str(spec))


def test_findings_of_rules_are_placed_too(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They name spec paths, which stand in the other file."""
    main(["validate", str(stack)])
    out = capsys.readouterr().out
    assert re.search(rf"^{re.escape(str(stack.with_name('helix.spec.yaml')))}:\d+: warning ZT", out, re.MULTILINE)
    assert out.rstrip().splitlines()[-1].startswith(f"{stack}: ")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("missing.spec.yaml", "does not exist"),
        ("../helix.spec.yaml", "not the name of a YAML file beside"),
        ("/etc/passwd", "not the name of a YAML file beside"),
        ("sub/helix.spec.yaml", "not the name of a YAML file beside"),
        ("..", "not the name of a YAML file beside"),
        ("helix.json", "not the name of a YAML file beside"),
        ('"helix.spec.yaml\\n"', "not the name of a YAML file beside"),
        ("{secure: AAAA}", "not the name of a YAML file beside"),
        ("3", "not the name of a YAML file beside"),
        ("", "not the name of a YAML file beside"),
        ("helix.spec.yaml\n  ai-factory:spec: {name: helix}", "is given beside ai-factory:spec"),
    ],
)
def test_a_name_that_leads_nowhere_is_said_where_it_stands(stack: Path, value: str, problem: str) -> None:
    """One finding, in the stack file, on the line of the key."""
    stack.write_text(f"config:\n  ai-factory:specFile: {value}\n")
    with pytest.raises(SpecError, match=problem) as refused:
        load_stack(stack)
    (finding,) = refused.value.findings
    assert (refused.value.source, finding.line, finding.path) == (str(stack), 2, "config.ai-factory:specFile")
    assert finding.fix


def test_a_stack_file_is_no_spec(stack: Path) -> None:
    """A stack cannot borrow the spec of another stack: its own keys are told as unknown."""
    stack.with_name("helix.spec.yaml").write_text(STACK)
    with pytest.raises(SpecError) as refused:
        load_stack(stack)
    assert ("ZT005", "config") in {(finding.id, finding.path) for finding in refused.value.findings}


def test_a_misspelt_key_is_guessed(stack: Path) -> None:
    """The nearest of the two."""
    stack.write_text(NAMING.replace("specFile", "specfile"))
    with pytest.raises(SpecError, match='Did you mean "ai-factory:specFile"'):
        load_stack(stack)


def test_a_spec_that_does_not_fit_into_the_configuration_is_warned_of(
    tmp_path: Path, stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pulumi would only say "argument list too long". In a file of its own, there is no limit."""
    spec = yaml.safe_load(SPEC)
    segment = {"stage": "Training", "owner": "x" * 40, "quota": {"cpu": "4", "memory": "2Ti", "pods": 10}}
    spec["segments"] += [segment | {"name": f"segment-{number}"} for number in range(MAX_CONFIG_BYTES // 100)]
    large = tmp_path / "Pulumi.large.yaml"
    large.write_text(json.dumps({"config": {"ai-factory:spec": spec}}, indent=1))
    stack.with_name("helix.spec.yaml").write_text(json.dumps(spec))
    main(["validate", str(large)])
    assert f"{large}:3: warning ZT008" in capsys.readouterr().out
    main(["validate", str(stack)])
    assert "ZT008" not in capsys.readouterr().out


def test_a_revision_is_read_with_its_own_file(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A diff of two revisions takes each file from its revision, not from the disk."""
    folder = stack.parent
    monkeypatch.chdir(folder)
    (folder / "stacks").mkdir()
    for path in (stack, spec := folder / "helix.spec.yaml"):
        path.rename(folder / "stacks" / path.name)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "base"]):
        subprocess.run([*git, *command], check=True)
    more = "  - {from: training/store, to: training/store2, port: features, because: copies of features}\n"
    text = SPEC.replace("pools:", more + "pools:").replace(
        "flows:", "  - {name: store2, segment: training, listens: [{name: features, port: 9000}]}\nflows:"
    )
    (folder / "stacks" / spec.name).write_text(text)
    old, new = read_objects("HEAD:stacks/Pulumi.helix.yaml"), read_objects("stacks/Pulumi.helix.yaml")
    assert (old.source, new.source) == ("HEAD:stacks/helix.spec.yaml", "stacks/helix.spec.yaml")
    assert diff(old, new).widens


def schema(name: str) -> Draft202012Validator:
    """A schema of the two, which may refer to each other as files beside each other do."""
    files: dict[str, Any] = {path.name: json.loads(path.read_text()) for path in (ROOT / "factory").glob("*schema.json")}
    registry = Registry().with_resources([(other, Resource.from_contents(content)) for other, content in files.items()])
    return Draft202012Validator(files[name], registry=registry)


def test_editors_know_both_files() -> None:
    """The schema of a stack file takes either key, that of a spec its content; both refuse what is misspelt."""
    stack_file, spec_file = schema("schema.json"), schema("spec.schema.json")
    spec = yaml.safe_load(SPEC)
    assert stack_file.is_valid(yaml.safe_load(STACK))
    assert stack_file.is_valid(yaml.safe_load(NAMING))
    assert spec_file.is_valid(spec)
    assert not stack_file.is_valid({"config": {"ai-factory:spec": spec, "ai-factory:specFile": "helix.spec.yaml"}})
    assert not stack_file.is_valid({"config": {"ai-factory:specFile": "../helix.spec.yaml"}})
    assert not spec_file.is_valid(spec | {"segmnts": []})
