"""The command as people run it: whatever the file, one clear message, the right exit code, and no traceback."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from test_load import STACK

FACTORY = Path(sys.executable).with_name("factory")

BOMB = "\n".join(
    ["config:", "  a: &a [x, x, x, x, x, x, x, x]", *(f"  {b}: &{b} [{', '.join([f'*{a}'] * 8)}]" for a, b in pairwise("abcdefghi"))]
)

FILES: dict[str, tuple[bytes, str]] = {
    "tab": (STACK.replace("    name:", "\tname:", 1).encode(), "is indented with a tab"),
    "empty": (b"", "is empty"),
    "50 MB": (b"a: 1\n" * 10_000_000, "is larger than 16 MiB"),
    "alias bomb": (BOMB.encode(), "uses the alias *a"),
    "binary": (bytes(range(256)) * 64, "is not UTF-8 text"),
    "misspelt key": (STACK.replace("quota: {gpu", "qouta: {gpu").encode(), 'Did you mean "quota"?'),
    "duplicate key": (
        STACK.replace("    name: helix\n", "    name: helix\n    name: helix\n", 1).encode(),
        "is set twice, first on line 3",
    ),
    "wrong unit": (STACK.replace("2Ti", "2TB").encode(), 'Did you mean "2Ti"?'),
    "dangling name": (STACK.replace("segment: training, reads", "segment: trainig, reads").encode(), 'Did you mean "training"?'),
    "brackets": (b"[" * 1_000_000, "is not YAML: exceeded"),
}


def factory(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FACTORY, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES)
def test_a_bad_file_is_one_clear_message(tmp_path: Path, content: bytes, said: str) -> None:
    """With the place first, and exit code 1: for `validate`, and for a command that would go on with the plan."""
    path = tmp_path / "Pulumi.bad.yaml"
    path.write_bytes(content)
    for command in (["validate", path], ["render", path, "-o", tmp_path / "out"]):
        done = factory(*command)
        assert done.returncode == 1, done.stderr
        assert said in done.stdout
        errors = [line for line in done.stdout.splitlines() if ": error ZT" in line]
        assert errors
        assert all(line.startswith(str(path)) for line in errors)
        assert len(done.stdout) < 2000
        assert done.stderr == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["validate"], ["valdate"], ["render", "x.yaml"], ["validate", "--format", "xml", "x.yaml"]])
def test_wrong_usage_is_said(arguments: list[str]) -> None:
    """Exit code 2, so that a pipeline can tell it from findings."""
    done = factory(*arguments)
    assert done.returncode == 2
    assert "usage: factory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_clean_stack_ends_with_0() -> None:
    """Warnings do not fail."""
    assert factory("validate", "stacks/Pulumi.example.yaml").returncode == 0


def test_a_command_starts_without_what_it_does_not_need(tmp_path: Path) -> None:
    """No search for pydantic's plugins, which would be code of others; no Pulumi; no network."""
    path = tmp_path / "Pulumi.good.yaml"
    path.write_text(STACK)
    command = [sys.executable, "-X", "importtime", FACTORY, "validate", path]
    imported = {line.rpartition("|")[2].strip() for line in subprocess.run(command, capture_output=True, text=True).stderr.splitlines()}
    assert "pydantic._internal._model_construction" in imported
    assert not imported & {"importlib.metadata", "pydantic.plugin._loader", "pulumi", "lightkube", "socket", "ssl", "asyncio"}
