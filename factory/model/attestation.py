"""What is attested of a model's digest, as standard in-toto predicates: how it was trained, that it was validated, that it may serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from factory.plan import names
from factory.spec import Factory, Model, Workload

PROVENANCE = "https://slsa.dev/provenance/v1"
"""SLSA provenance 1.0: https://slsa.dev/spec/v1.0/provenance"""
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
"""in-toto test result 0.1: https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md"""
SUMMARY = "https://slsa.dev/verification_summary/v1"
"""SLSA verification summary 1.0: https://slsa.dev/spec/v1.0/verification_summary"""
BILL = "https://cyclonedx.org/bom"
"""CycloneDX bill of materials: https://cyclonedx.org/specification/overview"""

TRAINING = "https://ai-factory.dev/training/v1"
"""Build type of provenance: a workload of a segment trains a model from datasets."""
SERVING = "STAGE_INFERENCE"
"""Verified level of a summary: it may serve in stage Inference. Names that begin with SLSA_ are reserved."""
PASSED, WARNED, FAILED = "PASSED", "WARNED", "FAILED"

Predicate = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Input:
    """A dataset at one state."""

    name: str
    digest: str
    """`sha256:<64 hex digits>`"""


def dataset_uri(factory: Factory, name: str) -> str:
    """What a dataset is called outside the factory: `https://helix.example/datasets/claims`."""
    return f"https://{factory.trust_domain}/datasets/{name}"


def provenance(factory: Factory, model: Model, version: str, producer: Workload, inputs: Sequence[Input], run: str | None) -> Predicate:
    """A workload has trained this from these datasets. `run` is what the training system calls the run."""
    return {
        "buildDefinition": {
            "buildType": TRAINING,
            "externalParameters": {"model": model.name, "version": version, "segment": producer.segment},
            "resolvedDependencies": [
                {"name": one.name, "uri": dataset_uri(factory, one.name), "digest": {"sha256": one.digest.removeprefix("sha256:")}}
                for one in inputs
            ],
        },
        "runDetails": {
            "builder": {"id": names.spiffe_id(factory.trust_domain, producer.segment, producer.name)},
            **({"metadata": {"invocationId": run}} if run else {}),
        },
    }


def test_result(result: str, suite: str, suite_digest: str, tests: Sequence[str]) -> Predicate:
    """A suite of tests, with its digest, had this result; `tests` are the names of those that say so."""
    listed = {PASSED: "passedTests", WARNED: "warnedTests", FAILED: "failedTests"}[result]
    return {
        "result": result,
        "configuration": [{"name": suite, "digest": {"sha256": suite_digest.removeprefix("sha256:")}}],
        listed: list(tests),
    }


def summary(reference: str, approver: str, moment: str, policy: str, policy_digest: str) -> Predicate:
    """Somebody has approved that this serves, by a policy: the stack file, with its digest. `moment` is RFC 3339 in UTC."""
    return {
        "verifier": {"id": approver},
        "timeVerified": moment,
        "resourceUri": reference,
        "policy": {"uri": policy, "digest": {"sha256": policy_digest.removeprefix("sha256:")}},
        "verificationResult": PASSED,
        "verifiedLevels": [SERVING],
    }


def find_producers(factory: Factory, model: Model) -> tuple[Workload, ...]:
    """The workloads that may produce a model."""
    return tuple(workload for workload in factory.workloads if model.name in workload.produces)


def find_trainer(factory: Factory, model: Model, predicate: Predicate) -> Workload | None:
    """The workload that provenance names, if it is one that may produce the model, in its own segment, from what it may read."""
    try:
        definition = predicate["buildDefinition"]
        builder, segment = predicate["runDetails"]["builder"]["id"], definition["externalParameters"]["segment"]
        used = {str(one["name"]) for one in definition.get("resolvedDependencies") or ()}
    except (KeyError, TypeError, AttributeError):
        return None
    for workload in find_producers(factory, model):
        identity = names.spiffe_id(factory.trust_domain, workload.segment, workload.name)
        if identity == builder and workload.segment == segment and used <= {*workload.reads, *workload.writes}:
            return workload
    return None
