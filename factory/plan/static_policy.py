"""Guardrails on the API server's disk, where no request can change or delete them (KEP-5793 *Manifest-based admission control*).

Those that read a segment's grants stay in the API: static policies have no parameters. What is here keeps those in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Factory

from . import controls, names
from .guardrail import STATIC_GUARDRAILS
from .manifest import Because, File

ADMISSION = "admission.yaml"
POLICIES = "policies"
GATE = "ManifestBasedAdmissionControlConfig"
"""Alpha in 1.36, on by default from 1.37."""

_BECAUSE = Because("cluster.staticPolicies", "guardrails that nobody can delete", (controls.TENET_6, controls.CIS_RBAC))


def static_policy_flags(factory: Factory) -> dict[str, Any]:
    """Flags of kube-apiserver that put the files in force; none where the spec does not ask for them."""
    if not factory.cluster.static_policies:
        return {}
    gate = {"feature-gates": [f"{GATE}=true"]} if factory.cluster.minor < 37 else {}
    return {"admission-control-config-file": f"{names.INSTALL_PREFIX}/{ADMISSION}", **gate}


def plan_static_policies(factory: Factory) -> Iterator[File]:
    """The AdmissionConfiguration, and one file for each guardrail."""
    if not factory.cluster.static_policies:
        return
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyConfiguration",
        "staticManifestsDir": f"{names.INSTALL_PREFIX}/{POLICIES}",
    }
    yield File(
        ADMISSION,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": [{"name": "ValidatingAdmissionPolicy", "configuration": configuration}],
        },
        _BECAUSE,
    )
    for plan_guardrail in STATIC_GUARDRAILS:
        guardrail = plan_guardrail(factory)
        because = Because("cluster.staticPolicies", guardrail.title, guardrail.controls)
        yield File(f"{POLICIES}/{guardrail.id.lower()}-{guardrail.name}.yaml", guardrail.static(factory), because)
