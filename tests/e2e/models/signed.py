"""The factory of these tests: who signs what, and what a pod that mounts it is told."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import httpx2
from deployed import Client, Deployed, deploy_on, path_of, wait_until
from release import PROMOTION, VALIDATION, Bench, Key

from factory.load import load_object
from factory.plan import Body, plan_factory
from factory.plan.guardrail.attack import plan_pod

MODEL, APP = "models/fraud", "apps/server"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/kyverno-resource-validating-webhook-cfg"

UNSIGNED = "ZG19: model fraud needs a signature by release"
UNVALIDATED = "ZG19: model fraud needs a validation that PASSED, signed by judge"
UNPROMOTED = "ZG19: model fraud needs a promotion that PASSED, signed by release"


def refused(answer: httpx2.Response, because: str) -> None:
    """It is refused, and says why."""
    assert answer.status_code in (400, 403), answer.text
    assert because in answer.text


def admitted(answer: httpx2.Response) -> None:
    """It is let through."""
    assert answer.status_code == 201, answer.text


def spec_of(registry: str, keys: dict[str, Key], **changes: Any) -> Body:
    """Train, judge, serve: a person releases, the judge validates, a pipeline builds images."""
    return {
        "name": "mint",
        "posture": "Development",
        "trustDomain": "mint.example",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "factory-deployer"},
        "images": {"registries": [f"{registry}/apps/"], "digests": True, "signers": ["builder"]},
        "segments": [
            {"name": "training", "stage": "Training", "owner": "research"},
            {"name": "evaluation", "stage": "Validation", "owner": "risk"},
            {"name": "inference", "stage": "Inference", "owner": "serving"},
        ],
        "models": [{"name": "fraud", "repository": f"{registry}/{MODEL}", "signers": ["release"], "validators": ["judge"]}],
        "signers": [
            {"name": "release", "publicKeys": [keys["release"].public]},
            {"name": "judge", "workload": "evaluation/judge", "publicKeys": [keys["judge"].public]},
            {"name": "builder", "publicKeys": [keys["builder"].public]},
        ],
        "workloads": [
            {"name": "trainer", "segment": "training", "produces": ["fraud"]},
            {"name": "judge", "segment": "evaluation", "serves": ["fraud"]},
            {"name": "server", "segment": "inference", "serves": ["fraud"]},
        ],
    } | changes


@dataclass
class Signed:
    """A deployed factory, the bench where its models are made, and everybody's keys."""

    bench: Bench
    deployed: Deployed
    keys: dict[str, Key]
    image: str
    """A container image that is signed."""
    names: list[str] = field(default_factory=list)

    @property
    def registry(self) -> str:
        """The read door, which nodes and Kyverno come by."""
        return self.bench.lab.registry_read

    @property
    def administrator(self) -> Client:
        """Above RBAC, not above admission."""
        return self.deployed.administrator

    def candidate(self, by: str = "release", validated: str = "", promoted: str = "", result: str = "PASSED", place: str = "") -> str:
        """The digest of a new model that somebody signed (nobody: `""`), validated and promoted."""
        digest = self.bench.push(MODEL)
        if by:
            self.bench.sign(MODEL, digest, self.keys[by])
        if validated:
            verdict = {"result": result, "configuration": [{"name": "holdout", "digest": {"sha256": "0" * 64}}]}
            self.bench.attest(MODEL, digest, VALIDATION, verdict, self.keys[validated])
        if promoted:
            self.bench.attest(MODEL, digest, PROMOTION, self.promotion(digest, place), self.keys[promoted])
        return digest

    def promotion(self, digest: str, place: str = "", **changes: Any) -> Body:
        """What an approver states: this, there, may serve."""
        return {
            "verifier": {"id": "mailto:approver@mint.example"},
            "timeVerified": "2026-11-24T12:00:00Z",
            "resourceUri": f"{place or f'{self.registry}/{MODEL}'}@{digest}",
            "policy": {"uri": "stacks/Pulumi.mint.yaml"},
            "verificationResult": "PASSED",
            "verifiedLevels": ["STAGE_INFERENCE"],
        } | changes

    def pod(self, workload: str, reference: str = "", image: str = "") -> Body:
        """A pod of a workload that mounts a model by reference; without one, none."""
        factory = self.deployed.factory
        pod = deepcopy(plan_pod(factory, factory.workload[workload]))
        volumes = [volume for volume in pod["spec"]["volumes"] if "image" not in volume]
        mounted = [{"name": "model", "image": {"reference": reference}}] if reference else []
        pod["spec"]["volumes"] = [*volumes, *mounted]
        pod["spec"]["containers"][0]["image"] = image or self.image
        return pod

    def ask(self, pod: Body, dry: bool = True) -> httpx2.Response:
        """What the API server says to a pod."""
        query = {"dryRun": "All"} if dry else {}
        return self.administrator.request("POST", path_of(pod).rpartition("/")[0], pod, **query)

    def mount(self, digest: str, workload: str = "inference/server") -> httpx2.Response:
        """What it says to a pod that mounts the model by that digest."""
        return self.ask(self.pod(workload, f"{self.registry}/{MODEL}@{digest}"))

    def deploy(self, **changes: Any) -> None:
        """The spec with changes, in force: Kyverno has compiled its policies, and its webhooks are registered."""
        factory = load_object(spec_of(self.registry, self.keys, **changes))
        self.deployed.factory, self.deployed.plan = factory, plan_factory(factory)
        self.deployed.apply()
        self.settle()

    def settle(self) -> None:
        """Waits until Kyverno verifies what is planned."""
        policies = [manifest.body for manifest in self.deployed.plan.manifests if manifest.body["kind"] == "ImageValidatingPolicy"]

        def verified() -> bool:
            webhooks = self.administrator.request("GET", WEBHOOKS)
            registered = webhooks.text if webhooks.status_code == 200 else ""
            return all(f"/{policy['metadata']['name']}" in registered and self._ready(policy) for policy in policies)

        wait_until(verified, "Kyverno verifies the factory's policies")

    def _ready(self, policy: Body) -> bool:
        status = self.administrator.get(path_of(policy)).get("status", {})
        return bool(status.get("conditionStatus", {}).get("ready"))


def begin(bench: Bench) -> Signed:
    """Deploys it, with a signed container image to run."""
    keys = {name: bench.key(name) for name in ("release", "next", "judge", "trainer", "builder", "mallory")}
    digest = bench.push(APP)
    bench.sign(APP, digest, keys["builder"])
    registry = bench.lab.registry_read
    deployed = deploy_on(bench.lab, spec_of(registry, keys))
    signed = Signed(bench, deployed, keys, f"{registry}/{APP}@{digest}")
    signed.settle()
    return signed
