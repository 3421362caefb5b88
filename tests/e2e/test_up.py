"""`pulumi up` of the dev stack on a real control plane, as its deployer: what it builds, what a change shows, what is left behind."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from project import Project, Step, project_of, stack_plan, stack_spec, type_and_name

from components._apply import token
from factory.plan import names

SPEC, PLAN = stack_spec("dev"), stack_plan("dev")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The dev stack's, with nothing deployed."""
    with project_of("dev", tmp_path_factory.mktemp("project")) as project:
        yield project


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
    registered = {type_and_name(resource["urn"]) for resource in resources if "$kubernetes:" in resource["urn"]}
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
