"""Signatures in review: what a diff says of signers, and what an audit says of Kyverno."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.load import load_text
from factory.plan import Body, plan_factory
from factory.plan.auditor import ADMISSION, KYVERNO
from factory.plan.public_key import fingerprint
from factory.review.audit.drift import Change, Drift
from factory.review.audit.repair import Verb, find_steps
from factory.review.audit.unplanned import find_unplanned
from factory.review.audit.verification import WEBHOOKS
from factory.review.diff import Diff, Effect, diff
from factory.review.objects import of_stack

RULES = Path(__file__).parents[1] / "rules"
SPEC: Body = yaml.safe_load((RULES / "base.yaml").read_text())
KEYS: dict[str, list[str]] = {signer["name"]: signer["publicKeys"] for signer in SPEC["signers"]}
ROTATED: list[str] = yaml.safe_load((RULES / "cases" / "signer" / "shared_key.yaml").read_text())["pass"][0]["signers"][0]["publicKeys"]


def changed(**changes: Any) -> Diff:
    """What a change of the spec means."""
    old, new = (
        of_stack(load_text(yaml.safe_dump({"config": {"ai-factory:spec": spec}}), name))
        for name, spec in (("old", SPEC), ("new", deepcopy(SPEC) | changes))
    )
    return diff(old, new)


def said(found: Diff, effect: Effect) -> set[str]:
    """The sentences of one effect."""
    return {change.said for change in found.changes if change.effect is effect}


def model(**changes: Any) -> list[Body]:
    """The one model, changed."""
    return [SPEC["models"][0] | changes]


def test_another_signer() -> None:
    """Who may sign and promote from now on, with which key, and why."""
    found = changed(models=model(signers=["release", "judge"], validators=[]))
    key = fingerprint(KEYS["judge"][0])
    assert said(found, Effect.WIDENS) == {
        f"model fraud may be signed by judge with key {key}",
        f"model fraud may be promoted by judge with key {key}",
        "no longer: model fraud needs a validation",
    }
    assert not said(found, Effect.UNKNOWN)


def test_a_model_that_needs_no_signature_any_more() -> None:
    """It is the policy that is gone, not each of its parts."""
    found = changed(models=model(signers=[], validators=[]))
    assert "no longer: helix-zg19-fraud is in force: model fraud is verified" in said(found, Effect.WIDENS)
    assert not any("may be signed" in sentence for sentence in said(found, Effect.NARROWS))


def test_a_model_that_needs_a_signature_from_now_on() -> None:
    """To ask for signatures lets nobody in who was not let in before."""
    old = changed(models=model(signers=[], validators=[]))
    assert not said(old, Effect.NARROWS) & {"helix-zg19-fraud is in force: model fraud is verified"}
    back = diff(
        *(
            of_stack(load_text(yaml.safe_dump({"config": {"ai-factory:spec": s}}), "x"))
            for s in (SPEC | {"models": model(signers=[], validators=[])}, SPEC)
        )
    )
    assert "helix-zg19-fraud is in force: model fraud is verified" in said(back, Effect.NARROWS)
    assert not any("fraud" in sentence for sentence in said(back, Effect.WIDENS) | said(back, Effect.UNKNOWN))


def test_rotation_in_words() -> None:
    """First the next key counts too, then the old one no more."""
    signers = [{"name": "release", "publicKeys": [*KEYS["release"], ROTATED[0]]}, SPEC["signers"][1]]
    found = changed(signers=signers)
    both = {f"model fraud may be {done} by release with key {fingerprint(ROTATED[0])}" for done in ("signed", "promoted")}
    assert said(found, Effect.WIDENS) == both
    assert not said(found, Effect.NARROWS) | said(found, Effect.UNKNOWN)


LOOSER: dict[str, dict[str, Any]] = {
    "warns only": {"validationActions": ["Audit"]},
    "passed over": {"failurePolicy": "Ignore"},
    "not required": {"validationConfigurations": {"mutateDigest": False, "verifyDigest": True, "required": False}},
    "off": {"evaluation": {"mode": "Kubernetes", "admission": {"enabled": False}, "background": {"enabled": False}}},
    "elsewhere": {"matchConstraints": {"namespaceSelector": {"matchLabels": {"a": "b"}}, "resourceRules": []}},
    "never": {"matchConditions": [{"name": "never", "expression": "false"}]},
    "nothing": {"validations": [{"expression": "true", "message": "x"}]},
    "no image": {"images": [{"name": "models", "expression": "[]"}]},
    "no reference": {"matchImageReferences": [{"expression": "false"}]},
    "never serving": {"variables": [{"name": "serving", "expression": "false"}]},
    "any attestation": {"attestations": [{"name": "signature", "intoto": {"type": "x"}}]},
    "another key": {"attestors": [{"name": "release-0", "cosign": {"key": {"data": ROTATED[0]}}}]},
}


@pytest.mark.parametrize("looser", LOOSER.values(), ids=LOOSER)
def test_no_loosening_is_called_harmless(looser: dict[str, Any]) -> None:
    """Whatever somebody changes in a policy widens trust, or is not understood and so taken for wider."""
    objects = of_stack(load_text(yaml.safe_dump({"config": {"ai-factory:spec": SPEC}}), "x"))
    bodies = deepcopy(list(objects.bodies))
    next(body for body in bodies if body["kind"] == "ImageValidatingPolicy")["spec"].update(looser)  # type: ignore[attr-defined]
    assert diff(objects, type(objects)(objects.source, tuple(bodies), objects.files, objects.stack)).widens


# The audit

FACTORY = load_text(yaml.safe_dump({"config": {"ai-factory:spec": SPEC}}), "x").factory
PLAN = plan_factory(FACTORY)
POLICY = next(manifest.body for manifest in PLAN.manifests if manifest.body["kind"] == "ImageValidatingPolicy")
MANAGED = {"webhook.kyverno.io/managed-by": "kyverno"}


def webhook(**changes: Any) -> Body:
    """What Kyverno registers for the policy."""
    condition = POLICY["spec"]["matchConditions"][0]["expression"]
    return {
        "name": "ivpol.validate.kyverno.svc-fail-finegrained-helix-zg19-fraud",
        "failurePolicy": "Fail",
        "clientConfig": {"service": {"namespace": "kyverno", "name": "kyverno-svc", "path": "/ivpol/validate/helix-zg19-fraud"}},
        "namespaceSelector": POLICY["spec"]["matchConstraints"]["namespaceSelector"],
        "matchConditions": [{"name": "mounts-model", "expression": f"!(object.kind == 'Pod') || {condition}"}],
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    } | changes


def configuration(*webhooks: Body, name: str = WEBHOOKS, kind: str = "Validating", labels: dict[str, str] | None = None) -> Body:
    """A configuration of webhooks."""
    metadata = {"name": name, "labels": MANAGED if labels is None else labels}
    return {"apiVersion": f"{ADMISSION}/v1", "kind": f"{kind}WebhookConfiguration", "metadata": metadata, "webhooks": list(webhooks)}


def found(*objects: Body) -> list[Drift]:
    """What an audit says of these objects, when everything planned is there too."""
    live: dict[tuple[str, str], list[Body]] = {}
    for each in (*(manifest.body for manifest in (*PLAN.bootstrap, *PLAN.manifests)), *objects):
        live.setdefault((each["apiVersion"], each["kind"]), []).append(each)
    return list(find_unplanned(FACTORY, PLAN, live, datetime(2026, 12, 1, 12, tzinfo=UTC)))


def test_kyverno_as_it_should_be() -> None:
    """Its own webhooks, those that change requests among them, are what it is there for."""
    changing = configuration(webhook(clientConfig=webhook()["clientConfig"]), name="kyverno-resource-mutating-webhook-cfg", kind="Mutating")
    assert found(configuration(webhook()), changing) == []


@pytest.mark.parametrize(
    ("webhooks", "words"),
    [
        ((), "no webhook of Kyverno asks for it"),
        ((webhook(clientConfig={"url": "https://k/ivpol/validate/other"}),), "no webhook of Kyverno asks for it"),
        ((webhook(failurePolicy="Ignore"),), "whenever Kyverno does not answer"),
        ((webhook(namespaceSelector={"matchLabels": {"ai-factory.dev/segment": "training"}}),), "not asked in every segment"),
        ((webhook(matchConditions=[{"name": "never", "expression": "false"}]),), "a condition that nobody planned"),
        ((webhook(rules=[{"apiGroups": [""], "operations": ["CREATE"], "resources": ["services"]}]),), "not asked about pods"),
    ],
)
def test_kyverno_that_is_not_asked(webhooks: tuple[Body, ...], words: str) -> None:
    """Each way in which a policy stands and verifies nothing. A repair leaves it to Kyverno."""
    drift = found(configuration(*webhooks))
    assert [one.change for one in drift] == [Change.MISSING]
    assert words in drift[0].meaning
    assert [step.verb for step in find_steps(PLAN, drift, prune=True)] == [Verb.LEAVE]


def test_exceptions_and_what_changes_pods() -> None:
    """An exception from a planned policy in any namespace, and a policy by which Kyverno changes pods, are named; others are not."""

    def thing(kind: str, **spec: Any) -> Body:
        return {"apiVersion": f"{KYVERNO}/v1", "kind": kind, "metadata": {"name": "x", "namespace": "default"}, "spec": spec}

    registered = configuration(webhook())
    excepted = thing("PolicyException", policyRefs=[{"name": "helix-zg19-fraud", "kind": "ImageValidatingPolicy"}])
    assert "helix-zg19-fraud" in found(registered, excepted)[0].meaning
    assert found(registered, thing("PolicyException", policyRefs=[{"name": "another", "kind": "ImageValidatingPolicy"}])) == []
    pods = [{"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}]
    assert len(found(registered, thing("MutatingPolicy", matchConstraints={"resourceRules": pods}))) == 1
    elsewhere = {"matchLabels": {"team": "x"}}
    assert found(registered, thing("MutatingPolicy", matchConstraints={"resourceRules": pods, "namespaceSelector": elsewhere})) == []


def test_who_only_calls_itself_kyverno() -> None:
    """A webhook to another server does not pass as Kyverno's, by neither name nor label."""
    theirs = webhook(clientConfig={"url": "https://mallory.example/x", "caBundle": "x"}, namespaceSelector={})
    mallory = configuration(theirs, name="kyverno-resource-mutating-webhook-cfg", kind="Mutating")
    assert any(one.reference.startswith("MutatingWebhookConfiguration") for one in found(configuration(webhook()), mallory))
    unlabelled = configuration(webhook(), name="kyverno-x", kind="Mutating", labels={})
    assert any(one.reference.startswith("MutatingWebhookConfiguration") for one in found(configuration(webhook()), unlabelled))
