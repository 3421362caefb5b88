"""ZG01: a pod is one workload, and nobody else is."""

from __future__ import annotations

from factory.plan import controls, names
from factory.spec import Factory

from .guardrail import Guardrail, Validation, granted, text
from .pod import STATUS, pod_guardrail


def identity(factory: Factory) -> Guardrail:
    """The label names a workload of the segment and the ServiceAccount is the same. That one cannot change, so neither can the label."""
    return pod_guardrail(
        "ZG01",
        "identity",
        "A pod in a segment bears the label and the ServiceAccount of exactly one workload.",
        (controls.TENET_4, controls.TENET_6, controls.CIS_RBAC),
        variables={"workloads": granted(text("workloads"))},
        validations=(
            Validation(
                "variables.workload in variables.workloads",
                f"label the pod {names.WORKLOAD} with the name of a workload of this segment.",
                "variables.workloads",
            ),
            Validation(
                "variables.spec.?serviceAccountName.orValue('') == variables.workload",
                f"serviceAccountName must be the workload that the label {names.WORKLOAD} names.",
                "[variables.workload]",
            ),
            Validation(
                "!variables.spec.?automountServiceAccountToken.orValue(false)",
                "automountServiceAccountToken must not be true: project a token with an audience of its own instead.",
            ),
            Validation("!variables.spec.?shareProcessNamespace.orValue(false)", "shareProcessNamespace must not be true."),
        ),
        more=(STATUS,),
    )
