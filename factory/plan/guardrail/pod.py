"""Pods, wherever they are written: one place says how to find the pod in each kind that carries one."""

from __future__ import annotations

from collections.abc import Mapping

from factory.plan import names

from .guardrail import Guardrail, Rule, Validation, granted, text

PODS = Rule("", "v1", ("pods", "pods/ephemeralcontainers", "pods/resize", "podtemplates", "replicationcontrollers"))
STATUS = Rule("", "v1", ("pods/status",), ("UPDATE",))
"""A status update may also change labels."""
TEMPLATES = (
    Rule("apps", "v1", ("daemonsets", "deployments", "replicasets", "statefulsets")),
    Rule("batch", "v1", ("cronjobs", "jobs")),
)


def _pod(source: str) -> str:
    """CEL: the pod, or the pod template, in an object. `dyn` lets one expression speak of all kinds."""
    it = f"dyn({source})"
    return (
        f"(has({it}.template) ? {it}.template : has({it}.spec.jobTemplate) ? {it}.spec.jobTemplate.spec.template"
        f" : has({it}.spec.template) ? {it}.spec.template : {it})"
    )


_LABELS = ".?metadata.?labels.orValue({})"

CHANGED = {
    "pod-changed": f"oldObject == null || {_pod('object')}.spec != {_pod('oldObject')}.spec"
    f" || {_pod('object')}{_LABELS} != {_pod('oldObject')}{_LABELS}"
}
"""Updates that leave the pod alone (scale, finalizers, status) pass, so that nothing is stuck when a grant is taken away."""

POD = {
    "pod": _pod("object"),
    "spec": "variables.pod.spec",
    "workload": f"variables.pod{_LABELS}[?{text(names.WORKLOAD)}].orValue('')",
}
CONTAINERS = {
    "containers": "variables.spec.containers + variables.spec.?initContainers.orValue([])"
    " + variables.spec.?ephemeralContainers.orValue([])",
}


def of_workload(grant: str) -> str:
    """CEL: what the pod's workload is granted under one word."""
    return granted(f"variables.workload + {text('.' + grant)}")


def pod_guardrail(
    id: str,
    name: str,
    title: str,
    controls: tuple[str, ...],
    validations: tuple[Validation, ...],
    variables: Mapping[str, str],
    more: tuple[Rule, ...] = (),
) -> Guardrail:
    """A guardrail over every kind that carries a pod, whose CEL speaks of `variables.spec` and `variables.workload`."""
    return Guardrail(
        id,
        name,
        title,
        controls,
        rules=(PODS, *TEMPLATES, *more),
        validations=validations,
        variables={**POD, **variables},
        conditions=CHANGED,
        granted=True,
    )
