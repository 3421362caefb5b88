"""The Pulumi program: every stack file that is in the repository builds its plan."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "stacks" / "__main__.py"
STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))


def test_pulumi_project_never_uses_the_ambient_cluster() -> None:
    """Default providers are off for every package."""
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert project["config"]["pulumi:disable-default-providers"] == {"value": ["*"]}
