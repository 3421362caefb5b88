"""A Pulumi project in a folder of its own, so that no test writes to the repository, and the lab that it deploys to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from deployed import own_lab

from factory.load import CONFIG_KEY, load_object
from factory.plan import Plan, plan_factory
from factory.render import render
from lab import Lab

ROOT = Path(__file__).parents[2]

PASSING = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"}
"""What comes and goes by itself."""

Step = tuple[str, str, str]
"""What a preview says of one resource: operation, type, name."""


@dataclass
class Project:
    """One stack, its spec as `configure` last wrote it."""

    lab: Lab
    folder: Path
    stack: str
    printed: list[str] = field(default_factory=list)
    """Everything that Pulumi has said."""
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        # Without a checkpoint a step, as the lab is used for speed (docs/concepts/component.md).
        self.environment = os.environ | self.lab.environment() | {"PULUMI_SKIP_CHECKPOINTS": "1", "NO_COLOR": "1"}

    def configure(self, spec: dict[str, Any]) -> None:
        config = {**stack_file(self.stack), "config": {CONFIG_KEY: spec}}
        (self.folder / "stacks" / f"Pulumi.{self.stack}.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=600, check=False)

    def pulumi(self, command: str, *options: str) -> str:
        """Runs Pulumi; returns what it printed. Fails the test when it fails."""
        done = self.run("pulumi", command, "--stack", self.stack, "--non-interactive", *options)
        self.printed += done.stdout, done.stderr
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> None:
        self.pulumi("up", "--yes", "--skip-preview", "--parallel", "32")

    def preview(self) -> dict[Step, list[str]]:
        """What would change, each update with the inputs that differ."""
        steps = json.loads(self.pulumi("preview", "--json"))["steps"]
        changes = [step for step in steps if step["op"] != "same"]
        return {(step["op"], *type_and_name(step["urn"])): _changed(step) for step in changes}

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.pulumi("stack", "export")))

    def kubectl(self, *arguments: str) -> str:
        done = self.run("kubectl", "--context", "lab-admin", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def objects(self) -> set[str]:
        """Every object of the cluster, of every kind."""
        kinds = set(self.kubectl("api-resources", "--verbs", "list", "--output", "name").split()) - PASSING
        template = r"{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{'\n'}{end}".replace("'", '"')
        return set(self.kubectl("get", ",".join(sorted(kinds)), "-A", "-o", f"jsonpath={template}").splitlines())

    def nodes(self) -> dict[str, Any]:
        """What pools put on nodes: labels, annotations, taints."""
        nodes = json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"]
        return {
            node["metadata"]["name"]: [node["metadata"]["labels"], node["metadata"].get("annotations"), node["spec"].get("taints")]
            for node in nodes
        }


def stack_file(stack: str) -> dict[str, Any]:
    """The committed stack file."""
    return dict(yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text()))


def stack_spec(stack: str) -> dict[str, Any]:
    """The spec in it."""
    return dict(stack_file(stack)["config"][CONFIG_KEY])


def stack_plan(stack: str) -> Plan:
    """What it implies."""
    return plan_factory(load_object(stack_spec(stack)))


@contextmanager
def project_of(stack: str, folder: Path, extras: tuple[str, ...] = ()) -> Iterator[Project]:
    """A lab of its own with the stack's nodes, volumes and control-plane files and the deployer's rights, and nothing deployed."""
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    (folder / "stacks").mkdir()
    shutil.copy(ROOT / "stacks" / "__main__.py", folder / "stacks")
    rendered = folder / "rendered"
    render(stack_plan(stack), rendered)
    control_plane, vault = (path if path.exists() else None for path in (rendered / "control-plane", rendered / "vault"))
    with own_lab() as lab:
        lab.up(nodes=ROOT / "stacks" / f"{stack}.nodes.yaml", control_plane=control_plane, extras=extras, vault=vault)
        lab.user("factory-deployer")
        project = Project(lab, folder, stack)
        project.configure(stack_spec(stack))
        project.kubectl("apply", "--server-side", "--field-manager", "lab-bootstrap", "-f", str(rendered / "bootstrap"))
        if (volumes := ROOT / "stacks" / f"{stack}.lab.yaml").exists():
            project.kubectl("apply", "--server-side", "--field-manager", "lab", "-f", str(volumes))
        project.run("pulumi", "stack", "init", stack)
        yield project


def type_and_name(urn: str) -> tuple[str, str]:
    """A resource's type and its logical name."""
    *_, types, name = urn.split("::", 3)
    return types.rpartition("$")[2], name


def _changed(step: dict[str, Any]) -> list[str]:
    """The inputs that an update changes."""
    old, new = ((step.get(state) or {}).get("inputs") or {} for state in ("oldState", "newState"))
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)) if step["op"] == "update" else []
