"""The drill on real control planes: everything is refused, a missing guardrail is noticed, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from deployed import PATIENCE, Client, start_lab, wait_until

from factory.load import load_stack
from factory.plan import Plan, plan_factory
from factory.plan.auditor import is_custom
from factory.plan.deployer import Resource
from factory.plan.guardrail import GUARDRAILS
from factory.plan.guardrail.attack import STANDING, plan_pod
from factory.render import render
from factory.review.audit.live import DISCOVERY, Cluster, connect
from factory.review.drill.attack import RBAC
from factory.review.drill.command import hold_drill
from factory.review.drill.drill import Outcome, Result
from factory.review.drill.ground import Ground
from factory.review.drill.present import as_text
from factory.review.drill.tactic import TACTICS
from factory.review.drill.tactic.unsigned import TACTIC as UNSIGNED
from factory.spec import Factory
from lab import Lab

DEV, EXAMPLE, ONPREM = (Path(f"stacks/Pulumi.{name}.yaml") for name in ("dev", "example", "onprem"))
IDS = (*(guardrail(load_stack(DEV).factory).id for guardrail in GUARDRAILS), "ZG14")
ELIGIBLE = """\
      - {group: "staff:ml", role: operator, segments: [training], longest: 1h, approvers: "staff:leads", because: they mend runs}
"""
PEOPLE = """
    identity:
      people:
        providers: [{name: staff, kind: OIDC, preset: Okta, people: Staff, issuer: "https://helix.okta.example"}]
"""
SECONDS = 15
"""A drill of dev takes less."""
BAD = (Outcome.LET_THROUGH, Outcome.NOT_PROVEN)
NO_POD = "no pod of a workload runs in a segment now"

LIVELY = {"events", "leases"}
"""Resources that change by themselves in a cluster at rest."""


@dataclass
class Field:
    """A deployed stack, and somebody who may do anything."""

    lab: Lab
    stack: Path
    factory: Factory
    plan: Plan
    root: Client
    cluster: Cluster

    def command(self, *options: str, context: str = "lab-admin") -> subprocess.CompletedProcess[str]:
        """`factory drill` of the stack."""
        command = [sys.executable, "-m", "factory", "drill", str(self.stack), "--context", context, *options]
        environment = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(self.lab.kubeconfig)}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)

    def drill(self, control: str = "") -> list[Result]:
        """The same from within: all attacks, or those that one control must refuse."""
        tactics = [
            replace(tactic, attacks=tuple(attack for attack in tactic.attacks if control in ("", *attack.controls))) for tactic in TACTICS
        ]
        return hold_drill(self.cluster, Ground(self.factory, self.plan), tactics)

    def through(self, control: str = "") -> list[Result]:
        """Those that nothing refuses."""
        return [result for result in self.drill(control) if result.outcome is Outcome.LET_THROUGH]

    def ready(self) -> Field:
        """The same, once a pod runs and all guardrails are in force, or a minute later: then the tests say what is wrong."""
        end = time.monotonic() + PATIENCE
        while any(is_bad(result) or result.message == NO_POD for result in self.drill()) and time.monotonic() < end:
            time.sleep(1)
        return self


def is_bad(result: Result) -> bool:
    """Whether an attack went through. Signatures are drilled where Kyverno runs (tests/e2e/models): here nobody checks them."""
    return result.outcome in BAD and result.tactic.name != UNSIGNED.name


def field_of(stack: Path, folder: Path) -> Iterator[Field]:
    """A stack on a lab of its own, on its own control-plane files, with a running pod of a workload."""
    factory = load_stack(stack).factory
    plan = plan_factory(factory)
    nodes = stack.with_name(f"{stack.name.split('.')[1]}.nodes.yaml")
    if not nodes.exists():
        nodes = folder / "nodes.yaml"
        nodes.write_text(json.dumps([{"name": "cpu", "count": 1}]))
    control_plane = None
    if plan.files:
        render(plan, folder / "rendered")
        control_plane = folder / "rendered" / "control-plane"
    for lab in start_lab(control_plane):
        lab.up(nodes=nodes, control_plane=control_plane)
        root = Client(lab, lab.user(factory.deployer.user, ["system:masters"], context="root"))
        define(root, plan)
        for manifest in (*plan.bootstrap, *plan.manifests):
            if not manifest.patch or stack == DEV:
                root.apply(manifest.body)
        root.create(plan_pod(factory, Ground(factory, plan).plain, STANDING, bare=True))
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("KUBECONFIG", str(lab.kubeconfig))
            with connect("root") as cluster:
                yield Field(lab, stack, factory, plan, root, cluster).ready()


def define(root: Client, plan: Plan) -> None:
    """Kinds of other projects, as far as the API server must know them: a drill asks what refuses, not what their controllers do."""
    for version, kind, namespaced in sorted(
        {(it.body["apiVersion"], it.body["kind"], "namespace" in it.body["metadata"]) for it in plan.manifests}
    ):
        group, _, name = version.rpartition("/")
        if not is_custom(group):
            continue
        plural = Resource.of({"apiVersion": version, "kind": kind}).plural
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        served = {"name": name, "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": f"{plural}.{group}",
                "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
            },
            "spec": {
                "group": group,
                "scope": "Namespaced" if namespaced else "Cluster",
                "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
                "versions": [served],
            },
        }
        root.create(definition)
        wait_until(lambda path=f"/apis/{version}/{plural}": root.request("GET", path).status_code == 200, f"{kind} is served")  # type: ignore[misc]


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """The dev stack."""
    yield from field_of(DEV, tmp_path_factory.mktemp("dev"))


def test_everything_is_refused(dev: Field) -> None:
    """All attacks, within the time that a drill may take; the last line for people says so."""
    run = dev.command()
    assert run.returncode == 0, run.stdout + run.stderr
    tried, _, rest = run.stdout.splitlines()[-1].partition(" attacks: ")
    assert int(tried) >= 90
    assert rest.startswith(f"{tried} refused")
    again = json.loads(dev.command("--format", "json").stdout)
    assert again["counts"]["let through"] == again["counts"]["not proven"] == 0
    assert again["counts"]["refused"] == int(tried)
    assert again["seconds"] < SECONDS


@pytest.mark.parametrize("guardrail", IDS)
def test_a_missing_guardrail_is_noticed(dev: Field, guardrail: str) -> None:
    """Without its binding at least one of its attacks gets through, and none that another control stands against."""
    assert_noticed(dev, guardrail)


def assert_noticed(field: Field, guardrail: str) -> None:
    binding = next(
        manifest.body
        for manifest in (*field.plan.bootstrap, *field.plan.manifests)
        if manifest.component.kind == "Guardrails" and manifest.key == f"{guardrail.lower()}-binding"
    )
    field.root.delete(binding)
    try:
        wait_until(lambda: bool(field.through(guardrail)), f"an attack gets through without {guardrail}")
        results = field.drill()
        assert all(guardrail in result.attack.controls for result in results if result.outcome is Outcome.LET_THROUGH)
        assert any(f" {guardrail} should refuse it; it was " in line for line in as_text(results))
    finally:
        field.root.apply(binding)
    wait_until(lambda: not field.through(guardrail), f"{guardrail} is in force again")


def test_rights_too_wide_are_noticed(dev: Field) -> None:
    """A role that somebody gave away beside the plan lets attacks through that RBAC should refuse."""
    who = Ground(dev.factory, dev.plan).viewer
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": who.groups[0]}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "too-wide"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [subject],
    }
    dev.root.create(binding)
    try:
        run = dev.command("--format", "json")
        through = [attack for attack in json.loads(run.stdout)["attacks"] if attack["outcome"] == "let through"]
        assert run.returncode == 3
        assert {"a viewer runs pods", "a viewer reads Secrets"} <= {attack["title"] for attack in through}
        assert {control for attack in through for control in attack["controls"]} == {RBAC}
    finally:
        dev.root.delete(binding)


def test_nothing_is_left_behind(dev: Field) -> None:
    """Every object of every kind is afterwards what it was before, down to its resourceVersion."""
    before = everything(dev.cluster)
    assert dev.command().returncode == 0
    assert everything(dev.cluster) == before
    assert len(before) > 200


def everything(cluster: Cluster) -> dict[str, str]:
    """The resourceVersion of every object, but of what lives by itself: events, leases, and the heartbeat in a node's status."""
    found: dict[str, str] = {}
    for root in ("/api", "/apis"):
        for group in cluster.send("GET", root, headers={"Accept": DISCOVERY}).json()["items"]:
            for version in group["versions"][:1]:
                name = group["metadata"].get("name", "")
                path = f"{root}/{name}/{version['version']}" if name else f"{root}/{version['version']}"
                for resource in version["resources"]:
                    if "list" in resource["verbs"] and resource["resource"] not in LIVELY:
                        for item in cluster.send("GET", f"{path}/{resource['resource']}").json()["items"]:
                            metadata = item["metadata"]
                            key = f"{path}/{resource['resource']} {metadata.get('namespace', '')} {metadata['name']}"
                            node = resource["resource"] == "nodes"
                            found[key] = json.dumps([metadata["labels"], item["spec"]]) if node else metadata.get("resourceVersion")
    return found


def test_whoever_may_not_impersonate_is_told(dev: Field) -> None:
    """Without the right nothing is tried, and the ClusterRole that gives it is named; with that role and nothing else a drill is held."""
    dev.lab.user("driller")
    run = dev.command(context="driller")
    assert (run.returncode, run.stdout) == (1, "")
    assert 'may not impersonate user "' in run.stderr
    assert f"ClusterRole {dev.factory.name}-driller" in run.stderr
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "driller"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{dev.factory.name}-driller"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "driller"}],
    }
    dev.root.create(binding)
    try:
        run = dev.command(context="driller")
        assert run.returncode == 0, run.stdout + run.stderr
    finally:
        dev.root.delete(binding)


def test_only_some_and_for_ci(dev: Field) -> None:
    """One tactic alone, as JUnit XML."""
    run = dev.command("--only", "token minting", "--format", "junit")
    assert run.returncode == 0, run.stderr
    root = ElementTree.fromstring(run.stdout)
    assert [suite.attrib["name"] for suite in root] == ["token minting"]
    assert root.attrib["failures"] == root.attrib["errors"] == "0"
    assert int(root.attrib["tests"]) > 5


def test_a_factory_that_is_not_there(dev: Field) -> None:
    """Against a cluster without the factory a drill says so, instead of calling everything refused."""
    run = replace(dev, stack=EXAMPLE).command()
    assert (run.returncode, run.stdout) == (1, "")
    assert "factory acme is not there: no namespace acme-" in run.stderr


@pytest.mark.parametrize("stack", [EXAMPLE, ONPREM], ids=["example", "onprem"])
def test_other_stacks(stack: Path, tmp_path: Path) -> None:
    """The smallest stack, and one with digests, listed images, queues, Cilium and guardrails on the API server's disk."""
    for field in field_of(stack, tmp_path):
        run = field.command("--format", "json")
        content = json.loads(run.stdout)
        bad = [attack for attack in content["attacks"] if attack["outcome"] in BAD]
        assert [attack for attack in bad if attack["tactic"] != UNSIGNED.name] == []
        assert run.returncode == (3 if bad else 0)
        assert content["counts"]["refused"] >= 60


def test_people(tmp_path: Path) -> None:
    """Where people sign in by the spec and hold roles for a while, weak sign-ins and grants without consent are attacked too."""
    stack = tmp_path / "Pulumi.people.yaml"
    stack.write_text(
        DEV.read_text()
        .replace("    access:\n", f"{PEOPLE}    access:\n", 1)
        .replace("    eligibility:\n", f"    eligibility:\n{ELIGIBLE}", 1)
    )
    for field in field_of(stack, tmp_path):
        assert [result for result in field.drill() if result.outcome in BAD] == []
        for guardrail in ("ZG16", "ZG17"):
            assert_noticed(field, guardrail)
