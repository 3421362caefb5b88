"""What may be mounted and run, by the real API server, Kyverno and registry: every refusal with its reason, and what it is worth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from deployed import ADMINISTRATORS, path_of, wait_until
from release import PROMOTION, VALIDATION
from signed import APP, MODEL, UNPROMOTED, UNSIGNED, UNVALIDATED, WEBHOOKS, Signed, admitted, refused, spec_of

from factory.plan import Body
from lab.process import recorded

NOT_GRANTED = "ZG03: image volumes must name the repository of a model that the workload serves, by digest"


@pytest.fixture(scope="module")
def released(signed: Signed) -> str:
    """A model that went all the way."""
    return signed.candidate("release", validated="judge", promoted="release")


def test_from_nothing_to_serving(signed: Signed) -> None:
    """Each step opens one door more: unsigned it is mounted nowhere, signed where it is judged, promoted where it serves."""
    digest = signed.bench.push(MODEL)
    refused(signed.mount(digest, "evaluation/judge"), UNSIGNED)
    signed.bench.sign(MODEL, digest, signed.keys["release"])
    admitted(signed.mount(digest, "evaluation/judge"))
    refused(signed.mount(digest), UNVALIDATED)
    signed.bench.attest(MODEL, digest, VALIDATION, {"result": "PASSED", "configuration": []}, signed.keys["judge"])
    refused(signed.mount(digest), UNPROMOTED)
    signed.bench.attest(MODEL, digest, PROMOTION, signed.promotion(digest), signed.keys["release"])
    pod = signed.pod("inference/server", f"{signed.registry}/{MODEL}@{digest}")
    admitted(signed.ask(pod, dry=False))
    signed.administrator.delete(pod)


def test_unsigned(signed: Signed) -> None:
    """What nobody signed."""
    refused(signed.mount(signed.candidate(by="")), UNSIGNED)


def test_signed_by_another_key(signed: Signed) -> None:
    """What somebody else signed, validated and promoted, all the way."""
    refused(signed.mount(signed.candidate("mallory", validated="mallory", promoted="mallory")), UNSIGNED)


def test_signed_by_a_validator_only(signed: Signed) -> None:
    """A key that counts for validations does not count for signatures, nor for promotions."""
    refused(signed.mount(signed.candidate("judge", validated="judge", promoted="judge")), UNSIGNED)
    refused(signed.mount(signed.candidate("release", validated="judge", promoted="judge")), UNPROMOTED)


def test_attested_but_not_signed(signed: Signed) -> None:
    """An attestation by a signer's key is not taken for its signature."""
    refused(signed.mount(signed.candidate(by="", validated="judge", promoted="release")), UNSIGNED)


def test_valid_signature_on_another_digest(signed: Signed, released: str) -> None:
    """A released model's signatures, attached to another digest by whoever may write to the registry, say nothing of that one."""
    digest = signed.bench.push(MODEL)
    where = f"{signed.bench.lab.registry_write}/{MODEL}"
    theirs, its = (f"{where}:{one.replace(':', '-')}" for one in (released, digest))
    signed.bench.oras(("manifest", "fetch"), "--output", "signatures.json", theirs)
    signed.bench.oras(("manifest", "push"), its, "signatures.json")
    refused(signed.mount(digest), UNSIGNED)


def test_by_tag(signed: Signed, released: str) -> None:
    """A tag may say something else tomorrow."""
    signed.bench.oras(("tag",), f"{signed.bench.lab.registry_write}/{MODEL}@{released}", "stable")
    refused(signed.ask(signed.pod("inference/server", f"{signed.registry}/{MODEL}:stable")), NOT_GRANTED)


def test_another_repository(signed: Signed, released: str) -> None:
    """The same digest and the same signatures, but not where the workload was granted them."""
    other = f"{signed.registry}/models/other@{released}"
    refused(signed.ask(signed.pod("inference/server", other)), NOT_GRANTED)


def test_promoted_elsewhere(signed: Signed) -> None:
    """A promotion is for one repository: copied with its signatures, a model is not promoted there."""
    refused(signed.mount(signed.candidate(validated="judge", promoted="release", place="registry.example/models/fraud")), UNPROMOTED)


def test_missing_validation(signed: Signed) -> None:
    """Promoted by somebody who looked away."""
    refused(signed.mount(signed.candidate(promoted="release")), UNVALIDATED)


def test_validated_by_its_producer(signed: Signed) -> None:
    """Who made it says that it is good."""
    refused(signed.mount(signed.candidate(validated="trainer", promoted="release")), UNVALIDATED)


def test_validated_by_its_signer(signed: Signed) -> None:
    """Who signs does not validate."""
    refused(signed.mount(signed.candidate(validated="release", promoted="release")), UNVALIDATED)


def test_validation_that_failed(signed: Signed) -> None:
    """A signed verdict, but not the wanted one."""
    for result in ("FAILED", "WARNED", "passed"):
        refused(signed.mount(signed.candidate(validated="judge", promoted="release", result=result)), UNVALIDATED)


@pytest.mark.parametrize("lie", [{"verificationResult": "FAILED"}, {"verifiedLevels": []}, {"verifier": {}}, {"resourceUri": ""}])
def test_promotion_that_says_nothing(signed: Signed, lie: Body) -> None:
    """A signed summary that does not say who lets what serve."""
    digest = signed.candidate(validated="judge")
    signed.bench.attest(MODEL, digest, PROMOTION, signed.promotion(digest, **lie), signed.keys["release"])
    refused(signed.mount(digest), UNPROMOTED)


def test_signature_stripped(signed: Signed) -> None:
    """What was released is refused once its signatures are gone from the registry."""
    digest = signed.candidate(validated="judge", promoted="release")
    admitted(signed.mount(digest))
    signatures = f"{signed.bench.lab.registry_write}/{MODEL}:{digest.replace(':', '-')}"
    signed.bench.oras(("manifest", "delete"), "--force", signatures)
    refused(signed.mount(digest), UNSIGNED)


def test_missing_artifact(signed: Signed) -> None:
    """A digest that the registry does not have."""
    answer = signed.mount("sha256:" + "0" * 64)
    assert answer.status_code != 201
    assert "mint-zg19-fraud" in answer.text


def test_rotation_and_revocation(signed: Signed, released: str) -> None:
    """While two keys stand there both count; with the next one only, what the old one signed is refused, at once."""
    by_next = signed.candidate("next", validated="judge", promoted="next")
    refused(signed.mount(by_next), UNSIGNED)
    judge_and_builder = [
        {"name": "judge", "workload": "evaluation/judge", "publicKeys": [signed.keys["judge"].public]},
        {"name": "builder", "publicKeys": [signed.keys["builder"].public]},
    ]
    current, following = signed.keys["release"].public, signed.keys["next"].public
    try:
        signed.deploy(signers=[{"name": "release", "publicKeys": [current, following]}, *judge_and_builder])
        wait_until(lambda: signed.mount(by_next).status_code == 201, "the next key counts")
        admitted(signed.mount(released))
        signed.deploy(signers=[{"name": "release", "publicKeys": [following]}, *judge_and_builder])
        wait_until(lambda: signed.mount(released).status_code != 201, "the old key counts no more")
        refused(signed.mount(released), UNSIGNED)
        admitted(signed.mount(by_next))
    finally:
        signed.deploy()
    wait_until(lambda: signed.mount(released).status_code == 201, "the old key counts again")


def test_images(signed: Signed) -> None:
    """A container runs what the builder signed: when it is made, first container or not, and when its image is changed."""
    unsigned = signed.bench.push(APP)
    signed.bench.sign(APP, unsigned, signed.keys["release"])
    image, needed = f"{signed.registry}/{APP}@{unsigned}", "ZG20: every image needs a signature by builder"
    refused(signed.ask(signed.pod("training/trainer", image=image)), needed)
    first = signed.pod("training/trainer")
    first["spec"]["initContainers"] = [{**first["spec"]["containers"][0], "name": "first", "image": image}]
    refused(signed.ask(first), needed)
    pod = signed.pod("training/trainer")
    admitted(signed.ask(pod, dry=False))
    try:
        change = {"spec": {"containers": [{"name": pod["spec"]["containers"][0]["name"], "image": image}]}}
        kind = "application/strategic-merge-patch+json"
        refused(signed.administrator.request("PATCH", path_of(pod), change, kind, dryRun="All"), needed)
        annotated = {"metadata": {"annotations": {"example.org/touched": "yes"}}}
        assert signed.administrator.request("PATCH", path_of(pod), annotated, kind).status_code == 200
    finally:
        signed.administrator.delete(pod)


def test_a_template_is_held_at_its_pods(signed: Signed) -> None:
    """A Deployment of an unsigned model is accepted; that its pods are refused is what counts. Its form is looked at right away."""
    pod = signed.pod("inference/server", f"{signed.registry}/{MODEL}@{signed.candidate(by='')}")
    template = {"metadata": {"labels": {**pod["metadata"]["labels"], "app": "x"}}, "spec": pod["spec"]}
    metadata = {"name": "drill", "namespace": pod["metadata"]["namespace"]}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "x"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    admitted(signed.ask(deployment, dry=False))
    try:

        def failed() -> bool:
            conditions = signed.administrator.get(path_of(deployment)).get("status", {}).get("conditions", [])
            return any(UNSIGNED in str(condition.get("message")) for condition in conditions)

        wait_until(failed, "the Deployment says why it has no pods")
    finally:
        signed.administrator.delete(deployment)


def test_nobody_loosens_it(signed: Signed, released: str) -> None:
    """Not even who may do everything by RBAC changes what Kyverno verifies, or excepts something from it."""
    policy = next(m.body for m in signed.deployed.plan.manifests if m.body["metadata"]["name"] == "mint-zg19-fraud")
    merge = "application/merge-patch+json"
    looser = {"spec": {"validationActions": ["Audit"]}}
    refused(signed.administrator.request("PATCH", path_of(policy), looser, merge, dryRun="All"), "ZG21")
    refused(signed.administrator.request("DELETE", path_of(policy), dryRun="All"), "ZG21")
    refused(signed.ask(exception("default")), "ZG21: nothing is excepted")
    theirs = {**policy, "metadata": {"name": "somebody-elses"}}
    refused(signed.deployed.deployer.request("POST", path_of(theirs).rpartition("/")[0], theirs, dryRun="All"), "ZG14")
    elsewhere = exception("default", "others")
    admitted(signed.ask(elsewhere))


def exception(namespace: str, policy: str = "mint-zg19-fraud") -> Body:
    """A PolicyException."""
    refs = [{"name": policy, "kind": "ImageValidatingPolicy"}]
    metadata = {"name": "for-a-friend", "namespace": namespace}
    return {"apiVersion": "policies.kyverno.io/v1", "kind": "PolicyException", "metadata": metadata, "spec": {"policyRefs": refs}}


def test_without_the_policy(signed: Signed) -> None:
    """These tests can fail: what is refused because of the policy is admitted when the policy is gone."""
    digest = signed.candidate(by="")
    policy = next(m.body for m in signed.deployed.plan.manifests if m.body["metadata"]["name"] == "mint-zg19-fraud")
    refused(signed.mount(digest), UNSIGNED)
    signed.deployed.deployer.delete(policy)
    try:
        wait_until(lambda: signed.mount(digest).status_code == 201, "an unsigned model gets in")
    finally:
        signed.deployed.deployer.apply(policy)
        signed.settle()
    wait_until(lambda: signed.mount(digest).status_code != 201, "it is refused again")


def test_kyverno_stopped(signed: Signed, released: str) -> None:
    """Whatever matches is refused while Kyverno does not answer, released or not; what does not match waits for nobody."""
    lab = signed.bench.lab
    process = recorded(lab.state.processes, "kyverno")
    assert process is not None
    process.stop(10)
    try:
        assert "mint-zg19-fraud" in signed.administrator.request("GET", WEBHOOKS).text
        answer = signed.mount(released)
        assert answer.status_code == 500, answer.text
        assert "failed calling webhook" in answer.text
        elsewhere = signed.pod("training/trainer")
        elsewhere["metadata"] = {"name": "drill", "namespace": "default"}
        elsewhere["spec"] = {"containers": [{"name": "main", "image": "example.org/anything"}]}
        admitted(signed.ask(elsewhere))
    finally:
        lab.up(extras=["models"])
        signed.settle()
    wait_until(lambda: signed.mount(released).status_code == 201, "it is admitted again")


def test_audit(signed: Signed, tmp_path: Path) -> None:
    """Nothing of what Kyverno brings along is drift; a policy that was loosened is, whoever did it."""
    stack = tmp_path / "Pulumi.mint.yaml"
    stack.write_text(yaml.safe_dump({"config": {"ai-factory:spec": spec_of(signed.registry, signed.keys)}}))
    lab, policy = signed.bench.lab, "mint-zg19-fraud"

    def audit() -> tuple[int, list[str]]:
        known = ("--except", f"ClusterRoleBinding {ADMINISTRATORS}")  # the tests' own
        command = [sys.executable, "-m", "factory", "audit", str(stack), "--context", "factory-deployer", "--format", "json", *known]
        environment = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(lab.kubeconfig)}
        run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
        assert run.stdout, run.stderr
        return run.returncode, [found["object"] for found in json.loads(run.stdout)["drift"]]

    assert audit() == (0, [])
    path = f"/apis/policies.kyverno.io/v1/imagevalidatingpolicies/{policy}"
    looser = {"spec": {"validationConfigurations": {"required": False}}}
    answer = signed.deployed.deployer.request("PATCH", path, looser, "application/merge-patch+json")
    assert answer.status_code == 200, answer.text
    try:
        assert audit() == (3, [f"ImageValidatingPolicy {policy}"])
    finally:
        signed.deploy()
