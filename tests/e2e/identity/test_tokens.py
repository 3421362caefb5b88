"""What a pod may bring to prove who it is, before a real API server with the guardrails of a factory whose workloads have identities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from deployed import Client, Deployed, deploy_on, own_lab, wait_until
from test_foreign_kinds import definitions, is_established, url

from factory.plan import Body
from factory.plan.guardrail.attack import plan_pod

SPEC: dict[str, Any] = {
    "name": "vault",
    "posture": "Development",
    "trustDomain": "vault.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lab"},
    "images": {"registries": ["registry.vault.example/apps/"]},
    "segments": [{"name": "training", "stage": "Training", "owner": "research"}],
    "workloads": [{"name": "trainer", "segment": "training"}],
    "access": [{"group": "vault:research", "role": "operator", "segments": ["training"], "because": "they run their own training"}],
    "identity": {"workloads": {"audiences": ["keys.vault.example"]}},
}
SOCKET = {"driver": "csi.spiffe.io", "readOnly": True}


def token(audience: str | None = None, **fields: Any) -> Body:
    return {
        "projected": {"sources": [{"serviceAccountToken": {"path": "token", **({"audience": audience} if audience else {}), **fields}}]}
    }


ADMITTED = {
    "the socket of SPIRE's agent": {"csi": SOCKET},
    "a token for an audience of the spec": token("keys.vault.example"),
    "a token for the trust domain": token("vault.example", expirationSeconds=600),
}
REFUSED = {
    "a token for the API server": token(),
    "a token for the API server by name": token("https://kubernetes.default.svc.cluster.local"),
    "a token for somebody else": token("keys.vault.example.evil.example"),
    "a driver of somebody else": {"csi": SOCKET | {"driver": "secrets-store.csi.k8s.io"}},
    "a driver that sounds alike": {"csi": SOCKET | {"driver": "upstream.csi.spiffe.io"}},
    "the socket, writable": {"csi": {"driver": "csi.spiffe.io"}},
    "the socket with a Secret for the driver": {"csi": SOCKET | {"nodePublishSecretRef": {"name": "any"}}},
}


@pytest.fixture(scope="module")
def vault() -> Iterator[Deployed]:
    """The factory on a lab with SPIRE's kinds."""
    with own_lab() as lab:
        lab.up()
        root = Client(lab, "lab-admin")
        for definition in (definition for definition in definitions() if definition["spec"]["group"] == "spire.spiffe.io"):
            root.apply(definition)
            wait_until(lambda definition=definition: is_established(root.get(url(definition))), f"{url(definition)} is served")
        vault = deploy_on(lab, SPEC)
        wait_until(lambda: try_pod(vault, REFUSED["a token for somebody else"])[0] == 403, "the guardrails are in force")
        yield vault


def try_pod(vault: Deployed, volume: Body) -> tuple[int, str]:
    """What the API server answers to the segment's operator who makes a pod of the workload with the volume."""
    pod = plan_pod(vault.factory, vault.factory.workloads[0], bare=True)
    pod["spec"] = pod["spec"] | {"volumes": [{"name": "proof", **volume}]}
    answer = vault.operator("vault-training").request("POST", "/api/v1/namespaces/vault-training/pods", pod, dryRun="All")
    return answer.status_code, answer.text


@pytest.mark.parametrize("proof", ADMITTED)
def test_admitted(vault: Deployed, proof: str) -> None:
    """What the spec grants works."""
    status, said = try_pod(vault, ADMITTED[proof])
    assert status == 201, said


@pytest.mark.parametrize("proof", REFUSED)
def test_refused(vault: Deployed, proof: str) -> None:
    """Everything else is refused by ZG03."""
    status, said = try_pod(vault, REFUSED[proof])
    assert status == 403, said
    assert "denied request: ZG03: " in said


def test_a_token_that_lasts_for_ever_is_refused(vault: Deployed) -> None:
    """A Secret that holds a ServiceAccount's token is refused by ZG09, whoever writes it."""
    metadata = {"name": "forever", "annotations": {"kubernetes.io/service-account.name": "trainer"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token"}
    answer = vault.administrator.request("POST", "/api/v1/namespaces/vault-training/secrets", secret, dryRun="All")
    assert answer.status_code == 403
    assert "denied request: ZG09: " in answer.text


def test_a_deployer_makes_every_identity(vault: Deployed) -> None:
    """The deployer's rights cover the new kinds, and one workload has one identity."""
    found = vault.administrator.get("/apis/spire.spiffe.io/v1alpha1/clusterspiffeids")["items"]
    assert [each["spec"]["spiffeIDTemplate"] for each in found] == ["spiffe://vault.example/segment/training/workload/trainer"]
