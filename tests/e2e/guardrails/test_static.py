"""On a control plane of one's own the guardrails can stand on the API server's disk, where no request reaches them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from deployed import Client, Deployed, deploy_on, path_of, start_lab, wait_until

from factory.load import load_object
from factory.plan import plan_factory
from factory.plan.guardrail import STATIC_GUARDRAILS
from factory.plan.guardrail.attack import Attempt, plan_attacks, plan_permitted, plan_static_attacks

SPEC = yaml.safe_load((Path(__file__).parent / "spec.yaml").read_text())
FACTORY = load_object(SPEC)
STATIC = {guardrail(FACTORY).id for guardrail in STATIC_GUARDRAILS}
ATTACKS = [attack for attack in plan_attacks(FACTORY) if attack.guardrail in STATIC]


def has_certificates(vault: Deployed) -> bool:
    """Pods mount this ConfigMap; a controller writes it some time after the namespace."""
    paths = [f"/api/v1/namespaces/vault-{segment.name}/configmaps/kube-root-ca.crt" for segment in FACTORY.segments]
    return all(vault.administrator.request("GET", path).status_code == 200 for path in paths)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The factory on an API server that runs on the plan's own files, its ordinary guardrails deleted by their deployer."""
    folder = tmp_path_factory.mktemp("control-plane")
    for file in plan_factory(FACTORY).files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        documents = file.content if isinstance(file.content, list) else [file.content]
        (folder / file.path).write_text(yaml.safe_dump_all(documents))
    for lab in start_lab(folder):
        vault = deploy_on(lab, SPEC)
        for manifest in vault.plan.manifests:
            if manifest.body["kind"] == "ValidatingAdmissionPolicyBinding" and manifest.key != "zg01-binding":
                vault.deployer.delete(manifest.body)
        wait_until(partial(has_certificates, vault), "every segment has the ConfigMap kube-root-ca.crt")
        for attempt in (*ATTACKS, *plan_permitted(FACTORY)):
            if attempt.before is not None:
                vault.administrator.create(attempt.before)
        yield vault


@pytest.mark.parametrize("attack", [*ATTACKS, *plan_static_attacks(FACTORY)], ids=str)
def test_refused(vault: Deployed, attack: Attempt) -> None:
    """What the files say holds from the API server's first moment, and holds for policies too."""
    answer = vault.by(attack).try_(attack)
    assert answer.status_code == 403, answer.text
    assert ".static.k8s.io" in answer.json()["message"]
    assert f"denied request: {attack.guardrail}: " in answer.json()["message"]


@pytest.mark.parametrize("attempt", tuple(plan_permitted(FACTORY)), ids=str)
def test_admitted(vault: Deployed, attempt: Attempt) -> None:
    """They stop nobody's work."""
    answer = vault.by(attempt).try_(attempt)
    assert answer.status_code < 300, answer.text


def test_not_even_the_lab_administrator(vault: Deployed) -> None:
    """`system:masters` is above RBAC, not above admission: to switch a guardrail off one must reach the disk."""
    masters = Client(vault.lab, "lab-admin")
    binding = next(manifest.body for manifest in vault.plan.manifests if manifest.key == "zg01-binding")
    answer = masters.request("DELETE", path_of(binding))
    assert answer.status_code == 403
    assert "ZG15" in answer.text
