"""A factory whose spec does not fit into Pulumi's configuration."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from deployed import Client
from large import large

from factory.load import CONFIG_KEY, FILE_KEY, load_object
from factory.plan import plan_factory
from lab import Lab

ROOT = Path(__file__).parents[2]
USER = "large-deployer"
SPEC = large(200, workloads=3) | {
    "access": [],
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": USER},
    "deployer": {"user": USER},
}
PLAN = plan_factory(load_object(SPEC))


SETTINGS = {"NO_COLOR": "1", "PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""Without the last, even a preview writes down each step: four times the work at 700 objects, and sixteen at 3,000."""


@dataclass
class Project:
    """The Pulumi project in a folder of its own."""

    lab: Lab
    folder: Path

    def preview(self, config: dict[str, object]) -> subprocess.CompletedProcess[str]:
        (self.folder / "stacks" / "Pulumi.large.yaml").write_text(yaml.safe_dump({"config": config}))
        environment = os.environ | self.lab.environment() | SETTINGS
        subprocess.run(
            ["pulumi", "stack", "select", "--create", "large"], cwd=self.folder, env=environment, check=True, capture_output=True
        )
        command = ["pulumi", "preview", "--stack", "large", "--non-interactive", "--suppress-progress", "--parallel", "32"]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def project(lab: Lab, tmp_path: Path) -> Iterator[Project]:
    """With the deployer's rights on the lab; they are taken away afterwards."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    (tmp_path / "stacks").mkdir()
    shutil.copy(ROOT / "stacks" / "__main__.py", tmp_path / "stacks")
    lab.user(USER)
    administrator = Client(lab, "lab-admin")
    for manifest in PLAN.bootstrap:
        administrator.apply(manifest.body)
    yield Project(lab, tmp_path)
    for manifest in reversed(PLAN.bootstrap):
        administrator.delete(manifest.body)


def test_two_hundred_segments_are_previewed_from_a_file(project: Project) -> None:
    """Every object of the plan, from a spec that Pulumi's configuration refuses to carry: should it ever carry it, this test says so."""
    refused = project.preview({CONFIG_KEY: SPEC})
    assert refused.returncode != 0
    assert "argument list too long" in refused.stdout + refused.stderr
    (project.folder / "stacks" / "large.spec.yaml").write_text(json.dumps(SPEC))
    previewed = project.preview({FILE_KEY: "large.spec.yaml"})
    assert previewed.returncode == 0, previewed.stdout + previewed.stderr
    (created,) = re.findall(r"\+ (\d+) to create", previewed.stdout)
    assert int(created) == len(PLAN.manifests) + len(PLAN.intents) + len({"the stack", "the provider"})
