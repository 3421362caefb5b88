"""Guardrails as planned: complete, stable, strict, and true to the spec's grants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.load import load_object
from factory.plan import Body, names, plan_factory
from factory.plan.controls import CONTROLS
from factory.plan.guardrail import GRANTS, GUARDRAILS, STATIC_GUARDRAILS, Guardrail
from factory.plan.guardrail.attack import CARRIERS, Verb, carriers, merge, plan_attacks, plan_permitted, plan_pod
from factory.plan.guardrail.deployer import deployer
from factory.plan.guardrail.guardrail import text
from factory.plan.guardrail.policy import policy

SPEC: Body = yaml.safe_load((Path(__file__).parents[1] / "e2e" / "guardrails" / "spec.yaml").read_text())
FACTORY = load_object(SPEC)
PLAN = plan_factory(FACTORY)
ALL = tuple(guardrail(FACTORY) for guardrail in (*GUARDRAILS, deployer, policy))
POLICIES = [manifest.body for manifest in (*PLAN.bootstrap, *PLAN.manifests) if manifest.body["kind"] == "ValidatingAdmissionPolicy"]
BINDINGS = [manifest.body for manifest in (*PLAN.bootstrap, *PLAN.manifests) if manifest.body["kind"] == "ValidatingAdmissionPolicyBinding"]


def grants(segment: str, spec: Body = SPEC) -> dict[str, str]:
    """What a segment is granted, as guardrails read it."""
    plan = plan_factory(load_object(spec))
    place = names.namespace(spec["name"], segment)
    (found,) = [
        manifest.body["data"]
        for manifest in plan.manifests
        if manifest.body["metadata"]["name"] == GRANTS and manifest.body["metadata"]["namespace"] == place
    ]
    return dict(found)


def test_grants_of_a_segment() -> None:
    """The ConfigMap says what each workload may do, a line for each thing, and nothing of other segments."""
    assert grants("training") == {
        "audiences": "vault.example",
        "digests": "true",
        "notebook.reads": "feature-files",
        "priority": "vault-training",
        "registries": "registry.vault.example/apps/",
        "sessions.EphemeralContainer": "vault:on-call",
        "sessions.Exec": "vault:on-call",
        "trainer.models": "registry.vault.example/models/base",
        "trainer.nodes": "nvidia.com/gpu.product=H100",
        "trainer.pool": "h100",
        "trainer.reads": "claims",
        "trainer.resources": "nvidia.com/gpu",
        "trainer.writes": "feature-files",
        "workloads": "notebook\ntrainer",
    }
    assert grants("inference")["accounts"] == "delivery/argo"
    assert grants("inference")["server.claim-templates"] == "b200"
    assert "server.resources" not in grants("inference")


def test_grants_do_not_depend_on_order() -> None:
    """The same spec in another order is granted the same, to the byte."""
    turned = {key: value[::-1] if isinstance(value, list) else value for key, value in SPEC.items()}
    assert list(grants("training", turned).items()) == list(grants("training").items())


@pytest.mark.parametrize(
    ("posture", "digests", "wanted"), [("Production", None, "true"), ("Development", None, "false"), ("Production", False, "false")]
)
def test_digests_follow_the_posture(posture: str, digests: bool | None, wanted: str) -> None:
    """Production demands digests unless the spec says otherwise; Development does not."""
    images: dict[str, Any] = {"registries": SPEC["images"]["registries"]} | ({} if digests is None else {"digests": digests})
    assert grants("training", {**SPEC, "posture": posture, "images": images})["digests"] == wanted


@pytest.mark.parametrize("guardrail", ALL, ids=lambda guardrail: guardrail.id)
def test_each_is_complete(guardrail: Guardrail) -> None:
    """It has a title in a sentence, known controls, and messages that begin with its id: a refused user can look it up."""
    assert guardrail.title.endswith(".")
    assert guardrail.controls
    assert set(guardrail.controls) <= set(CONTROLS)
    for validation in guardrail.policy()["validations"]:
        assert validation["message"].startswith(f"{guardrail.id}: ")
        assert len(validation["message"]) < 1024  # beyond it the API server drops the message
        assert "\n" not in validation["message"]


def test_ids_are_unique_and_in_order() -> None:
    """An id is never reused."""
    for group in (GUARDRAILS, STATIC_GUARDRAILS):
        ids = [guardrail(FACTORY).id for guardrail in group]
        assert ids == sorted(set(ids))
    assert len({guardrail.id for guardrail in ALL}) == len(ALL)


@pytest.mark.parametrize("body", POLICIES, ids=lambda body: body["metadata"]["name"])
def test_policies_fail_closed(body: Body) -> None:
    """Whatever cannot be judged is refused, and every key that could loosen a policy is set."""
    spec = body["spec"]
    assert spec["failurePolicy"] == "Fail"
    assert spec["matchConstraints"]["excludeResourceRules"] == []
    assert spec["matchConstraints"]["matchPolicy"] == "Equivalent"
    assert "matchConditions" in spec
    assert all("*" not in rule["resources"] for rule in spec["matchConstraints"]["resourceRules"])


@pytest.mark.parametrize("body", BINDINGS, ids=lambda body: body["metadata"]["name"])
def test_bindings_deny(body: Body) -> None:
    """Each denies, is a policy's own, and where it reads grants denies without them."""
    spec = body["spec"]
    assert "Deny" in spec["validationActions"]
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in POLICIES}
    reads = "paramKind" in policies[spec["policyName"]]
    assert spec.get("paramRef") == ({"name": GRANTS, "parameterNotFoundAction": "Deny"} if reads else None)


def test_segments_only() -> None:
    """What is not bound to the factory's namespaces by their label looks for its own objects by a condition."""
    for guardrail in ALL:
        selector = guardrail.binding("vault", "policy")["matchResources"]["namespaceSelector"]
        assert selector == {"matchLabels": {names.FACTORY: "vault"}} or guardrail.conditions


def test_pods_are_guarded_wherever_they_are() -> None:
    """Every guardrail over pods looks at every kind that carries one, and at all ways to change a pod's spec."""
    for guardrail in ALL:
        resources = {resource for rule in guardrail.rules for resource in rule.resources}
        if guardrail.id in ("ZG01", "ZG02", "ZG03", "ZG04", "ZG06"):
            assert {f"{kind.lower()}s" for kind in CARRIERS} <= resources
            assert {"pods/ephemeralcontainers", "pods/resize"} <= resources


@pytest.mark.parametrize("guardrail", STATIC_GUARDRAILS)
def test_static_policies_need_nothing(guardrail: Any) -> None:
    """On the API server's disk a policy has no parameters, and a name that ends as KEP-5793 demands."""
    made = guardrail(FACTORY).static(FACTORY)
    assert [body["kind"] for body in made] == ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
    assert all(body["metadata"]["name"].endswith(".static.k8s.io") for body in made)
    assert made[1]["spec"]["policyName"] == made[0]["metadata"]["name"]
    assert not any("param" in key for body in made for key in body["spec"])


def test_what_reads_grants_cannot_be_static() -> None:
    """It would be refused by the API server at its start: better here."""
    granted = next(guardrail for guardrail in ALL if guardrail.granted)
    with pytest.raises(ValueError, match="static policies have no parameters"):
        granted.static(FACTORY)


def test_carriers_carry_the_pod() -> None:
    """All kinds carry the same pod."""
    pod = plan_pod(FACTORY, FACTORY.workload["training/trainer"])
    made = list(carriers(pod))
    assert [body["kind"] for body in made] == list(CARRIERS)
    for body in made:
        assert text("trainer").strip("'") in str(body)
        assert "persistentVolumeClaim" in str(body)


def test_attacks_are_data() -> None:
    """Each names a guardrail that exists; what changes or creates can be sent as a dry run; what connects names a pod that is not there."""
    ids = {guardrail.id for guardrail in ALL}
    attacks = [*plan_attacks(FACTORY), *plan_permitted(FACTORY)]
    assert len({str(attack) + attack.path + str(attack.body) + str(attack.target) for attack in attacks}) == len(attacks)
    for attack in attacks:
        assert attack.guardrail in ids
        assert attack.path.startswith(("/api/v1/", "/apis/"))
        if attack.verb is Verb.CONNECT:
            assert "drill-nobody" in attack.path


def test_attacks_on_the_smallest_factory() -> None:
    """A factory with one workload and nothing else is attacked too, as far as it has what is attacked."""
    small = {key: SPEC[key] for key in ("name", "posture", "cluster", "trustDomain", "images")}
    small |= {"segments": SPEC["segments"][:1], "workloads": [{"name": "notebook", "segment": "training"}]}
    assert {attack.guardrail for attack in plan_attacks(load_object(small))} >= {"ZG01", "ZG02", "ZG03", "ZG04", "ZG05", "ZG07", "ZG08"}


@pytest.mark.parametrize(
    ("body", "change", "wanted"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"b": {"c": 2}}, {"a": 1, "b": {"c": 2}}),
    ],
)
def test_merge(body: Body, change: Body, wanted: Body) -> None:
    """As RFC 7386 has it, and the original stays what it was."""
    before = repr(body)
    assert merge(body, change) == wanted
    assert repr(body) == before


@pytest.mark.parametrize(("value", "literal"), [("a'b", r"'a\'b'"), ("a\\b", r"'a\\b'"), ("a\nb", r"'a\nb'")])
def test_text_cannot_be_broken_out_of(value: str, literal: str) -> None:
    """A name from the spec stays a name in CEL."""
    assert text(value) == literal


def test_each_stands_on_the_page() -> None:
    """Whoever is refused finds the id of the message in the documentation."""
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "guardrail.md").read_text()
    assert [line.split()[1] for line in page.splitlines() if line.startswith("| ZG")] == sorted(
        {"ZG16", "ZG19", "ZG20", "ZG21", *(guardrail.id for guardrail in ALL)}
    )


def test_each_key_of_the_grants_stands_on_the_page() -> None:
    """Whoever reads the ConfigMap finds what its keys mean."""
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "guardrail.md").read_text()
    for key in (*grants("training"), *grants("inference")):
        owner, _, grant = key.rpartition(".")
        assert f"`{key}`" in page or (owner == "sessions" and "`sessions.<Session>`" in page) or f".{grant}`" in page, key
