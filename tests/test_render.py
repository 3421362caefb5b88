"""`factory render`: the same bytes every time, nothing stale, and nobody's files lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from factory import cli
from factory.load import load_stack
from factory.plan import Plan, plan_factory
from factory.render import RenderError, render

STACKS = Path(__file__).parents[1] / "stacks"


def plan_of(stack: str) -> Plan:
    return plan_factory(load_stack(STACKS / f"Pulumi.{stack}.yaml").factory)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("stack", ["dev", "example", "onprem", "eks", "capi", "models"])
def test_each_object_is_one_document_of_one_file(tmp_path: Path, stack: str) -> None:
    """What is rendered is the plan, object by object."""
    plan = plan_of(stack)
    assert render(plan, tmp_path) == len(content(tmp_path))
    written = [yaml.safe_load(path.read_text()) for part in ("manifests", "patches") for path in tmp_path.glob(f"{part}/*.yaml")]
    assert sorted(map(repr, written)) == sorted(repr(manifest.body) for manifest in plan.manifests)


def test_the_same_bytes_whatever_was_there(tmp_path: Path) -> None:
    """A folder that held another stack, another time, holds this one and nothing stale."""
    render(plan_of("dev"), tmp_path / "fresh")
    render(plan_of("onprem"), tmp_path / "used")
    render(plan_of("dev"), tmp_path / "used")
    assert content(tmp_path / "used") == content(tmp_path / "fresh")


@pytest.mark.parametrize("name", ["README.md", "manifests/0001-mine.yaml", "bootstrap/notes.txt"])
def test_a_file_of_somebody_else_stays_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    """Be it in the way or beside: the folder is left as it was."""
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine\n")
    with pytest.raises(RenderError, match="was not rendered by factory"):
        render(plan_of("example"), tmp_path)
    assert content(tmp_path) == {name: b"mine\n"}


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear message and exit code 1."""
    (tmp_path / "README.md").write_text("mine\n")
    assert cli.main(["render", str(STACKS / "Pulumi.example.yaml"), "-o", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "was not rendered by factory" in printed.out + printed.err
    assert (tmp_path / "README.md").read_text() == "mine\n"
