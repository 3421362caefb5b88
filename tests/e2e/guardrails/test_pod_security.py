"""The Kubernetes project's own Pod Security fixtures, in a segment: guardrails and Pod Security agree on what a decent pod is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from deployed import Deployed, wait_until

from factory.plan import Body, names
from factory.plan.guardrail.attack import DIGEST, Attempt, By, Verb, plan_attacks

SPEC: Body = yaml.safe_load((Path(__file__).parent / "spec.yaml").read_text())
MODULE = "k8s.io/pod-security-admission@v0.36.3"
VERSION = "v1.35"
"""The newest whose fixtures that module has."""


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module cache has them."""
    command = ["go", "mod", "download", "-json", MODULE]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path_factory.mktemp("go"))
    return Path(json.loads(done.stdout)["Dir"]) / "test" / "testdata" / "restricted" / VERSION


@pytest.fixture(scope="module")
def vault(deploy: Callable[[Body], Deployed]) -> Deployed:
    """The factory, guarded."""
    vault = deploy(SPEC)
    attack = next(attack for attack in plan_attacks(vault.factory) if attack.guardrail == "ZG04")
    wait_until(lambda: "denied request: ZG04" in vault.by(attack).try_(attack).text, "guardrails are in force")
    return vault


def in_segment(path: Path) -> Body:
    """The fixture as a pod of a workload: its identity, an image of its registry, its claim, and a name that Kubernetes takes."""
    pod: Body = yaml.safe_load(path.read_text())
    pod["metadata"] |= {"name": path.stem.replace("_", "-"), "namespace": "vault-training"}
    pod["metadata"]["labels"] = {**pod["metadata"].get("labels", {}), names.WORKLOAD: "notebook"}
    pod["spec"]["serviceAccountName"] = "notebook"
    for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())):
        container["image"] = f"registry.vault.example/apps/pause{DIGEST}"
    for volume in pod["spec"].get("volumes", ()):
        if "persistentVolumeClaim" in volume:
            volume["persistentVolumeClaim"] = {"claimName": "feature-files", "readOnly": True}
    return pod


def test_decent_pods_are_admitted(vault: Deployed, fixtures: Path) -> None:
    """What the project calls restricted runs in a segment, once it says who it is."""
    files = sorted((fixtures / "pass").glob("*.yaml"))
    assert len(files) > 10
    operator = vault.operator("vault-training")
    answers = {path.name: operator.try_(Attempt("", "", By.OPERATOR, Verb.CREATE, in_segment(path))) for path in files}
    assert {name: answer.text for name, answer in answers.items() if answer.status_code != 201} == {}


def test_other_pods_are_refused(vault: Deployed, fixtures: Path) -> None:
    """What the project calls a violation does not run in a segment, whoever it says it is."""
    files = sorted((fixtures / "fail").glob("*.yaml"))
    assert len(files) > 50
    operator = vault.operator("vault-training")
    answers = {path.name: operator.try_(Attempt("", "", By.OPERATOR, Verb.CREATE, in_segment(path))) for path in files}
    assert {name: answer.text for name, answer in answers.items() if answer.status_code not in (403, 422)} == {}
