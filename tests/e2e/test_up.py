"""`pulumi up` of the dev stack on a real control plane, as its deployer: what it builds, what a change shows, what is left behind."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from components._apply import token
from factory.load import CONFIG_KEY, load_object
from factory.plan import names, plan_factory
from factory.render import render
from lab import Lab

ROOT = Path(__file__).parents[2]
STACK = ROOT / "stacks" / "Pulumi.dev.yaml"
FILE = yaml.safe_load(STACK.read_text())
SPEC = FILE["config"][CONFIG_KEY]
PLAN = plan_factory(load_object(SPEC))

PASSING = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"}
"""What comes and goes by itself."""

Step = tuple[str, str, str]
"""What a preview says of one resource: operation, type, name."""


@dataclass
class Project:
    """The Pulumi project in a folder of its own, so that no test writes to the repository, and the lab that it deploys to."""

    lab: Lab
    folder: Path
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        # Without a checkpoint a step, as the lab is used for speed (docs/concepts/component.md).
        self.environment = os.environ | self.lab.environment() | {"PULUMI_SKIP_CHECKPOINTS": "1", "NO_COLOR": "1"}

    def configure(self, spec: dict[str, Any]) -> None:
        config = {**FILE, "config": {CONFIG_KEY: spec}}
        (self.folder / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=600, check=False)

    def pulumi(self, command: str, *options: str) -> str:
        """Runs Pulumi; returns what it printed. Fails the test when it fails."""
        done = self.run("pulumi", command, "--stack", "dev", "--non-interactive", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> None:
        self.pulumi("up", "--yes", "--skip-preview", "--parallel", "32")

    def preview(self) -> dict[Step, list[str]]:
        """What would change, each update with the inputs that differ."""
        steps = json.loads(self.pulumi("preview", "--json"))["steps"]
        changes = [step for step in steps if step["op"] != "same"]
        return {(step["op"], *_type_and_name(step["urn"])): _changed(step) for step in changes}

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


def _type_and_name(urn: str) -> tuple[str, str]:
    *_, types, name = urn.split("::", 3)
    return types.rpartition("$")[2], name


def _changed(step: dict[str, Any]) -> list[str]:
    """The inputs that an update changes."""
    old, new = ((step.get(state) or {}).get("inputs") or {} for state in ("oldState", "newState"))
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)) if step["op"] == "update" else []


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A lab of its own with the dev stack's nodes and the deployer's rights, and nothing deployed."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    (folder / "stacks").mkdir()
    shutil.copy(ROOT / "stacks" / "__main__.py", folder / "stacks")
    render(PLAN, folder / "rendered")
    control_plane = folder / "rendered" / "control-plane"
    lab = Lab(f"e2e-up-{uuid4().hex[:8]}")
    try:
        lab.up(nodes=ROOT / "stacks" / "dev.nodes.yaml", control_plane=control_plane if control_plane.exists() else None)
        lab.user("factory-deployer")
        project = Project(lab, folder)
        project.configure(SPEC)
        project.kubectl("apply", "--server-side", "--field-manager", "lab-bootstrap", "-f", str(folder / "rendered" / "bootstrap"))
        project.run("pulumi", "stack", "init", "dev")
        yield project
    finally:
        lab.down()


@pytest.fixture(scope="module")
def before(project: Project) -> tuple[set[str], dict[str, Any]]:
    """All objects, and the nodes, before anything is deployed."""
    return project.objects(), project.nodes()


@pytest.fixture(scope="module")
def deployed(project: Project, before: object) -> Project:
    """The dev stack, deployed as its deployer."""
    project.up()
    return project


@pytest.fixture
def edit(deployed: Project) -> Iterator[Any]:
    """Previews the dev stack with an edited spec; the stack file is put back afterwards."""

    def preview(change: Any) -> dict[Step, list[str]]:
        spec = copy.deepcopy(SPEC)
        change(spec)
        deployed.configure(spec)
        return deployed.preview()

    yield preview
    deployed.configure(SPEC)


def test_up_builds_every_object_of_the_plan_and_no_other(deployed: Project) -> None:
    """Its state holds one resource for each manifest; the cluster holds each object."""
    resources = deployed.state()["deployment"]["resources"]
    registered = {_type_and_name(resource["urn"]) for resource in resources if "$kubernetes:" in resource["urn"]}
    assert registered == {(token(manifest), manifest.name) for manifest in PLAN.manifests}
    live = deployed.objects()
    for manifest in PLAN.manifests:
        metadata = manifest.body["metadata"]
        assert f"{manifest.body['kind']} {metadata.get('namespace', '')}/{metadata['name']}" in live


def test_nothing_changes_right_after_up(deployed: Project) -> None:
    """What the server defaults or rewrites is no difference."""
    deployed.pulumi("preview", "--expect-no-changes")


def test_nothing_changes_after_a_refresh(deployed: Project) -> None:
    """Nor is what controllers write."""
    deployed.pulumi("preview", "--refresh", "--expect-no-changes")


def test_a_changed_quota_is_one_row_and_one_resource(deployed: Project, edit: Any) -> None:
    """The component's row says what a person changed."""

    def change(spec: dict[str, Any]) -> None:
        next(each for each in spec["segments"] if each["name"] == "training")["quota"]["pods"] = 7

    assert edit(change) == {
        ("update", "ai-factory:index:Segment", "training"): ["quota"],
        ("update", "kubernetes:core/v1:ResourceQuota", "training.quota"): ["spec"],
    }


def test_a_flow_adds_exactly_its_two_policies(deployed: Project, edit: Any) -> None:
    """Put first in its list, it renames and changes nothing else."""
    flow = {"from": "intake/receiver", "to": "platform/tracking", "port": "https", "because": "a flow that was not there"}
    policies = {
        f"intake.{names.flow_policy('out', 'receiver', 'platform/tracking', 'https')}",
        f"platform.{names.flow_policy('in', 'tracking', 'intake/receiver', 'https')}",
    }
    assert edit(lambda spec: spec["flows"].insert(0, flow)) == {
        ("update", "ai-factory:index:Segment", "intake"): ["flows"],
        ("update", "ai-factory:index:Segment", "platform"): ["flows"],
        **{("create", "kubernetes:networking.k8s.io/v1:NetworkPolicy", policy): [] for policy in policies},
    }


def test_the_order_of_a_spec_means_nothing(deployed: Project, edit: Any) -> None:
    """Every list turned round is the same factory."""

    def change(spec: dict[str, Any]) -> None:
        for value in spec.values():
            if isinstance(value, list):
                value.reverse()

    assert edit(change) == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"context": "helix-prod"}, 'cluster.context "helix-prod": there is no such context'),
        ({"context": "nowhere"}, 'cluster.context "nowhere": the API server https://127.0.0.1:1 does not answer'),
        ({"version": "1.99"}, "cluster.version"),
    ],
)
def test_a_wrong_cluster_is_said_before_anything_is_done(deployed: Project, changes: dict[str, str], said: str) -> None:
    """In one message that names the context; the state stays as it was."""
    deployed.run("kubectl", "config", "set-cluster", "nowhere", "--server=https://127.0.0.1:1")
    deployed.run("kubectl", "config", "set-context", "nowhere", "--cluster=nowhere")
    state = deployed.state()["deployment"]["resources"]
    deployed.configure(SPEC | {"cluster": SPEC["cluster"] | changes})
    try:
        done = deployed.run("pulumi", "up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive")
    finally:
        deployed.configure(SPEC)
    assert done.returncode != 0
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert [each["urn"] for each in deployed.state()["deployment"]["resources"]] == [each["urn"] for each in state]


def test_a_spec_with_problems_is_said_without_traceback(deployed: Project) -> None:
    """With every problem."""
    spec = copy.deepcopy(SPEC)
    spec["segments"][0]["ownr"] = "somebody"
    spec["flows"][0]["to"] = "intake/recever"
    deployed.configure(spec)
    try:
        done = deployed.run("pulumi", "preview", "--stack", "dev", "--non-interactive")
    finally:
        deployed.configure(SPEC)
    assert done.returncode != 0
    assert "segments[intake].ownr" in done.stdout
    assert "recever" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_state_holds_no_credential(deployed: Project) -> None:
    """Nor the path of one: the state is the same for everybody who may deploy."""
    text = json.dumps(deployed.state())
    assert str(deployed.lab.kubeconfig) not in text
    assert "PRIVATE KEY" not in text
    assert "client-key-data" not in text


def test_destroy_leaves_nothing_and_up_works_again(deployed: Project, before: tuple[set[str], dict[str, Any]]) -> None:
    """No object that was not there before, nodes as they were; then all of it once more."""
    assert deployed.nodes() != before[1]
    deployed.pulumi("destroy", "--yes", "--skip-preview", "--parallel", "32")
    assert deployed.objects() == before[0]
    assert deployed.nodes() == before[1]
    deployed.up()
    deployed.pulumi("preview", "--expect-no-changes")
