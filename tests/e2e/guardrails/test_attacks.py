"""Every guardrail refuses what it must, admits what it must, and is not idle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
import yaml
from deployed import Client, Deployed, path_of, wait_until

from factory.load import load_object
from factory.plan import Body
from factory.plan.guardrail import GUARDRAILS
from factory.plan.guardrail.attack import CARRIERS, Attempt, By, Verb, plan_attacks, plan_permitted

SPEC = yaml.safe_load((Path(__file__).parent / "spec.yaml").read_text())
FACTORY = load_object(SPEC)
ATTACKS = tuple(plan_attacks(FACTORY))
PERMITTED = tuple(plan_permitted(FACTORY))
IDS = (*(guardrail(FACTORY).id for guardrail in GUARDRAILS), "ZG14")


@pytest.fixture(scope="module")
def vault(deploy: Callable[[Body], Deployed]) -> Deployed:
    """The factory, with all guardrails in force and all objects that attacks change."""
    vault = deploy(SPEC)
    for guardrail in IDS:
        attack = next(attack for attack in ATTACKS if attack.guardrail == guardrail and attack.before is None)
        wait_until(lambda attack=attack: refused(vault, attack), f"{guardrail} refuses {attack}")  # type: ignore[misc]
    for attempt in (*ATTACKS, *PERMITTED):
        if attempt.before is not None:
            vault.administrator.create(attempt.before)
    return vault


def refused(vault: Deployed, attack: Attempt) -> bool:
    """Whether the guardrail that is meant refuses it, with its own message."""
    answer = vault.by(attack).try_(attack)
    return answer.status_code == 403 and f"denied request: {attack.guardrail}: " in answer.json()["message"]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_refused(vault: Deployed, attack: Attempt) -> None:
    """The API server refuses it, by the guardrail that is meant, and says the fix."""
    answer = vault.by(attack).try_(attack)
    assert answer.status_code == 403, answer.text
    assert f"denied request: {attack.guardrail}: " in answer.json()["message"]


@pytest.mark.parametrize("attempt", PERMITTED, ids=str)
def test_admitted(vault: Deployed, attempt: Attempt) -> None:
    """What is granted works: nobody needs to weaken a guardrail to do their work."""
    answer = vault.by(attempt).try_(attempt)
    assert answer.status_code < 300, answer.text


@pytest.mark.parametrize("guardrail", IDS)
def test_none_is_idle(vault: Deployed, guardrail: str) -> None:
    """Without it, its attack gets through: nothing else refuses it, so the guardrail is what does the work."""
    attack = next(attack for attack in ATTACKS if attack.guardrail == guardrail)
    binding = next(
        manifest.body
        for manifest in (*vault.plan.bootstrap, *vault.plan.manifests)
        if manifest.component.kind == "Guardrails" and manifest.key == f"{guardrail.lower()}-binding"
    )
    vault.administrator.delete(binding)
    try:
        wait_until(lambda: vault.by(attack).try_(attack).status_code != 403, f"{attack} gets through without {guardrail}")
        status = vault.by(attack).try_(attack).status_code
        # A session, and a placement, of a pod that is not there gets as far as looking for it.
        assert status == 404 if attack.verb is Verb.CONNECT or attack.subresource else status < 300
    finally:
        (vault.administrator if guardrail == "ZG14" else vault.deployer).apply(binding)
    wait_until(lambda: refused(vault, attack), f"{guardrail} is in force again")


@pytest.mark.parametrize("guardrail", IDS)
def test_every_guardrail_is_attacked(guardrail: str) -> None:
    """None is there that nobody tries, and those over pods are tried in every kind that carries one, at creation and at change."""
    attacks = [attack for attack in ATTACKS if attack.guardrail == guardrail]
    assert attacks
    if guardrail in ("ZG01", "ZG02", "ZG03", "ZG04", "ZG06"):
        assert {attack.target["kind"] for attack in attacks if attack.verb is Verb.CREATE} == set(CARRIERS)
        changed = {attack.target["kind"] for attack in attacks if attack.verb is Verb.PATCH}
        assert set(CARRIERS) - {"Pod", "Job"} <= changed


def test_policies_are_sound(vault: Deployed) -> None:
    """The API server's own type checker has nothing to say against any of them."""
    for manifest in (*vault.plan.bootstrap, *vault.plan.manifests):
        if manifest.body["kind"] == "ValidatingAdmissionPolicy":
            path = f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{manifest.body['metadata']['name']}"
            wait_until(lambda path=path: "typeChecking" in vault.administrator.get(path).get("status", {}), "types are checked")  # type: ignore[misc]
            assert vault.administrator.get(path)["status"]["typeChecking"] == {}


def test_nothing_outside_is_touched(vault: Deployed) -> None:
    """A pod, a policy and a node port in a namespace that is not the factory's are nobody's business."""
    for attack in ATTACKS:
        if attack.verb is Verb.CREATE and not attack.subresource and attack.guardrail not in ("ZG08", "ZG14", "ZG18"):
            target = {**attack.target, "metadata": {**attack.target["metadata"], "namespace": "default"}}
            answer = vault.administrator.try_(Attempt("", attack.title, attack.by, attack.verb, target))
            assert "denied request: ZG" not in answer.text.replace("denied request: ZG18", "")  # which looks at pods elsewhere


def test_sessions_for_those_whose_role_says_so(vault: Deployed, client: Callable[[str, list[str]], Client]) -> None:
    """On-call may exec in training, as their role says; not forward ports; and not exec in inference."""
    on_call = client("olga", ["vault:on-call"])
    paths = {
        "/api/v1/namespaces/vault-training/pods/nobody/exec?command=id": 404,  # admitted: there is no such pod
        "/api/v1/namespaces/vault-training/pods/nobody/portforward?ports=80": 403,
        "/api/v1/namespaces/vault-inference/pods/nobody/exec?command=id": 403,
    }
    assert {path: on_call.request("POST", path).status_code for path in paths} == paths


def test_a_big_pod_is_judged_within_budget(vault: Deployed) -> None:
    """The API server stops CEL that costs too much, and then refuses: a pod of 100 containers and 200 volumes is far from that."""
    pod = next(attempt.target for attempt in PERMITTED if attempt.target["kind"] == "Pod")
    container = pod["spec"]["containers"][0]
    containers = [{**container, "name": f"c{i}", "env": [{"name": f"E{j}", "value": "x" * 100} for j in range(50)]} for i in range(100)]
    volumes = [*pod["spec"]["volumes"], *({"name": f"v{i}", "configMap": {"name": f"c{i}"}} for i in range(200))]
    big = {**pod, "spec": {**pod["spec"], "containers": containers, "volumes": volumes}}
    big["spec"]["tolerations"] = [{"key": f"example.org/t{i}", "operator": "Exists"} for i in range(100)]
    for container in containers:
        container["resources"] = {"limits": {"cpu": "1m", "memory": "1Mi"}}
    answer = vault.administrator.try_(Attempt("ZG01", "a big pod", By.ADMINISTRATOR, Verb.CREATE, big))
    assert answer.status_code == 201, answer.text


def test_kubernetes_itself_is_not_hindered(vault: Deployed) -> None:
    """Its controllers do in a segment what they do everywhere: a default ServiceAccount, the certificate authority, the quota's status."""
    for path in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"):
        wait_until(lambda path=path: found(vault, path).status_code == 200, f"{path} is there")  # type: ignore[misc]
    wait_until(lambda: "hard" in found(vault, "resourcequotas/quota").json().get("status", {}), "the quota is counted")


def found(vault: Deployed, path: str) -> httpx2.Response:
    return vault.administrator.request("GET", f"/api/v1/namespaces/vault-training/{path}")


def test_the_deployer_cannot_free_itself(vault: Deployed) -> None:
    """What holds the deployer, and its own rights, are not its own to change."""
    for manifest in vault.plan.bootstrap:
        answer = vault.deployer.request("DELETE", path_of(manifest.body), dryRun="All")
        assert answer.status_code == 403, manifest.reference
