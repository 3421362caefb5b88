"""What Kyverno is asked to verify, as planned: complete, strict, and stable while keys are rotated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.load import load_stack
from factory.plan import Body, Manifest, names, plan_factory
from factory.plan.guardrail import guardrail_bindings
from factory.plan.public_key import find_flaw, fingerprint
from factory.spec import Factory

RULES = Path(__file__).parents[1] / "rules"
SPEC: Body = yaml.safe_load((RULES / "base.yaml").read_text())
KEYS: dict[str, list[str]] = {signer["name"]: signer["publicKeys"] for signer in SPEC["signers"]}
ROTATED: list[str] = yaml.safe_load((RULES / "cases" / "signer" / "shared_key.yaml").read_text())["pass"][0]["signers"][0]["publicKeys"]
PRODUCTION = Path(__file__).parents[2] / "stacks" / "Pulumi.onprem.yaml"


def policies(**changes: Any) -> dict[str, Body]:
    """Specs of the planned policies, by name."""
    return {manifest.body["metadata"]["name"]: manifest.body["spec"] for manifest in manifests(**changes)}


def manifests(**changes: Any) -> list[Manifest]:
    """The planned policies."""
    factory = Factory.model_validate_json(json.dumps(SPEC | changes), by_alias=True, by_name=False)
    return [manifest for manifest in plan_factory(factory).manifests if manifest.body["kind"] == "ImageValidatingPolicy"]


def signers(*release: str) -> list[Body]:
    """The signers, one of whom has these keys."""
    return [{"name": "release", "publicKeys": list(release)}, {"name": "judge", "publicKeys": KEYS["judge"]}]


def test_one_for_each_signed_model_and_one_for_images() -> None:
    """What needs no signature has no policy, and waits for no webhook."""
    fraud, other = SPEC["models"][0], {"name": "other", "repository": "registry.helix.example/models/other"}
    assert set(policies()) == {"helix-zg19-fraud"}
    assert set(policies(models=[fraud, other])) == {"helix-zg19-fraud"}
    images = {**SPEC["images"], "digests": True, "signers": ["release"]}
    assert set(policies(images=images)) == {"helix-zg19-fraud", "helix-zg20-image"}
    assert policies(models=[{**fraud, "signers": []}]) == {}


IN_PRODUCTION = [m.body for m in plan_factory(load_stack(PRODUCTION).factory).manifests if m.body["kind"] == "ImageValidatingPolicy"]


@pytest.mark.parametrize("body", IN_PRODUCTION, ids=lambda body: body["metadata"]["name"])
def test_strict(body: Body) -> None:
    """Every policy refuses what it cannot verify, holds in the factory's namespaces, and sets each key that could loosen it."""
    policy = body["spec"]
    assert (policy["failurePolicy"], policy["validationActions"]) == ("Fail", ["Deny"])
    assert policy["validationConfigurations"] == {"mutateDigest": False, "verifyDigest": True, "required": True}
    assert policy["matchConstraints"]["namespaceSelector"] == {"matchLabels": {names.FACTORY: "aurora"}}
    assert policy["matchConstraints"]["excludeResourceRules"] == []
    assert policy["evaluation"]["admission"] == {"enabled": True}
    assert policy["matchConditions"], "pods that mount nothing of this would wait for a webhook"
    assert all(re.match(r"ZG(19|20): .*\.$", validation["message"]) for validation in policy["validations"])
    attested = {found["name"] for found in policy["attestations"]}
    trusted = {found["name"] for found in policy["attestors"]}
    expressions = " ".join(validation["expression"] for validation in policy["validations"])
    assert set(re.findall(r"attestations\.(\w+)", expressions)) == attested
    assert set(re.findall(r"attestors\['([^']+)'\]", expressions)) == trusted


def test_who_may_do_what() -> None:
    """Signers sign and promote, validators validate, and neither does the other's."""
    (policy,) = policies().values()
    asked = {
        kind: set(re.findall(r"attestors\['(\w+)-", text))
        for validation in policy["validations"]
        for kind, text in re.findall(r"verifyAttestationSignatures\(i, attestations\.(\w+), (\[.*?\]\))", validation["expression"])
    }
    assert asked == {"signature": {"release"}, "validation": {"judge"}, "promotion": {"release"}}


def test_without_validators_none_is_asked() -> None:
    """What nobody has to validate is still signed and promoted."""
    (policy,) = policies(models=[{**SPEC["models"][0], "validators": []}]).values()
    assert [found["name"] for found in policy["attestations"]] == ["signature", "promotion"]
    assert not any("judge" in found["name"] for found in policy["attestors"])


def test_rotation_adds_a_key_and_takes_one_away() -> None:
    """While two keys stand there, both count under one name each; the order of the list and its line breaks say nothing."""
    current, following = ROTATED
    (one,) = policies(signers=signers(current)).values()
    (both,) = policies(signers=signers(current, following)).values()
    (turned,) = policies(signers=signers(following, current)).values()
    assert both == turned
    assert {found["name"] for found in both["attestors"]} - {found["name"] for found in one["attestors"]} == {
        f"release-{fingerprint(following)}"
    }
    assert fingerprint(current) == fingerprint(current.strip().replace("\n", "\r\n"))


def test_segments_wait_for_them() -> None:
    """No segment exists before what it needs signed is verified."""
    planned = manifests()
    assert set(guardrail_bindings(planned)) == {manifest.id for manifest in planned}


def test_a_model_is_told_from_one_whose_name_begins_the_same() -> None:
    """What is verified is exactly the model's repository."""
    (policy,) = policies().values()
    (reference,) = policy["matchImageReferences"]
    repository = "registry.helix.example/models/fraud"
    assert reference["expression"] == f"ref.startsWith('{repository}@') || ref.startsWith('{repository}:')"


def test_rights() -> None:
    """The deployer writes these policies under any name, since a model brings a new one: that they are its own is ZG14. Who audits lists
    them, and what excepts from them."""
    factory = Factory.model_validate_json(json.dumps(SPEC), by_alias=True, by_name=False)
    roles = {m.body["metadata"]["name"]: m.body["rules"] for m in plan_factory(factory).bootstrap if m.body["kind"] == "ClusterRole"}
    kyvernos = {name: [rule for rule in rules if "policies.kyverno.io" in rule["apiGroups"]] for name, rules in roles.items()}
    verbs = ["create", "delete", "get", "list", "patch", "watch"]
    rule = {"apiGroups": ["policies.kyverno.io"], "resources": ["imagevalidatingpolicies"], "verbs": verbs}
    assert kyvernos["helix-deployer"] == [rule]
    listed = {resource for rule in kyvernos["helix-auditor"] for resource in rule["resources"] if rule["verbs"] == ["list"]}
    assert {"imagevalidatingpolicies", "policyexceptions", "mutatingpolicies"} <= listed
    held = next(m.body for m in plan_factory(factory).bootstrap if m.body["metadata"]["name"] == "helix-zg14-deployer")
    rules = held["spec"]["matchConstraints"]["resourceRules"]
    assert any(rule["resources"] == ["imagevalidatingpolicies"] and rule["scope"] == "Cluster" for rule in rules)


def test_exceptions_are_guarded_where_something_is_signed() -> None:
    """ZG21 comes with the policies that it guards, and not without."""

    def guarded(**changes: Any) -> bool:
        factory = Factory.model_validate_json(json.dumps(SPEC | changes), by_alias=True, by_name=False)
        return any(manifest.body["metadata"]["name"] == "helix-zg21-exception" for manifest in plan_factory(factory).manifests)

    assert guarded()
    assert not guarded(models=[{**SPEC["models"][0], "signers": [], "validators": []}])


@pytest.mark.parametrize("key", [KEYS["release"][0], KEYS["judge"][0], *ROTATED])
def test_good_keys(key: str) -> None:
    """As openssl and cosign print them, with or without the last line break."""
    assert find_flaw(key) is None
    assert find_flaw(key.strip()) is None


@pytest.mark.parametrize("position", range(0, 120, 7))
def test_a_changed_key_is_found(position: int) -> None:
    """Any letter of a key that is changed makes it another kind, another length, or no point of the curve."""
    lines = KEYS["release"][0].strip().split("\n")
    body = "".join(lines[1:-1])
    changed = body[:position] + ("A" if body[position] != "A" else "B") + body[position + 1 :]
    assert find_flaw("\n".join((lines[0], changed, lines[-1])))
