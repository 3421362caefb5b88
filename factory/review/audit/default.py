"""What the API server, and the controllers that own a kind, write into an object that nobody asked them to write.

Known field by field. For custom resources it is read from the CRD's own schema; for Kubernetes' kinds it is written down here, since the
API publishes no defaults for them that a reader without write access could use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from factory.plan import Body, names

from .pod import template_defaults, template_quantities


class Whatever(Enum):
    """A default that may be any value."""

    ANY = "any"


ANY: Final = Whatever.ANY


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a live object of one kind may hold beyond its plan. Patterns are paths with `[]` for positions: `spec.rules[].scope`."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """Value by pattern."""
    omitted: frozenset[str] = frozenset()
    """Patterns of fields whose zero value (`false`, `0`, `""`) the API server leaves out: Go's `omitempty` without a pointer."""
    quantities: tuple[str, ...] = ()
    """Prefixes of patterns of quantities, which the API server writes in its own form: `1024Gi` becomes `1Ti`."""
    typed: bool = True
    """Whether the kind is Kubernetes' own, stored without a difference between an empty list and none. CRDs keep what was written."""

    def at(self, path: tuple[str | int, ...]) -> Any:
        """The default at a path; None for none."""
        return self.values.get(pattern(path))

    def omits(self, path: tuple[str | int, ...], planned: Any) -> bool:
        """Whether the API server leaves this planned value out."""
        if not self.typed:
            return False
        return planned == [] or (planned == {} and path[-1] in _MAPS) or (not planned and pattern(path) in self.omitted)


_MAPS = ("labels", "annotations", "matchLabels", "data", "binaryData", "nodeSelector")


def pattern(path: tuple[str | int, ...]) -> str:
    """`("spec", "rules", 0, "scope")` is `spec.rules[].scope`."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def is_quantity(defaults: Defaults, path: tuple[str | int, ...]) -> bool:
    """Whether the value at a path is a quantity."""
    return bool(defaults.quantities) and pattern(path).startswith(defaults.quantities)


def same_quantity(one: Any, other: Any) -> bool:
    """Whether two quantities are the same amount: `1024Gi` and `1Ti`."""
    amount = _amount(one)
    return amount is not None and amount == _amount(other)


def _amount(quantity: Any) -> Decimal | None:
    match = _QUANTITY.fullmatch(str(quantity))
    return None if match is None else Decimal(match[1]) * _UNITS[match[2] or ""]


_QUANTITY = re.compile(r"([+-]?[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?)([numkMGTPE]|[KMGTPE]i)?", re.ASCII)
_UNITS = {
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}


def find_defaults(body: Body, schemas: Mapping[tuple[str, str], Defaults]) -> Defaults:
    """The defaults of an object's kind, those that depend on the object's own name or content included. `schemas` are those of CRDs."""
    kind = body["kind"]
    group = body["apiVersion"].rpartition("/")[0]
    known = schemas.get((body["apiVersion"], kind)) or _KUBERNETES.get((group, kind)) or Defaults(typed="." not in group)
    if kind == "Namespace":
        return Defaults({**known.values, f"metadata.labels.{names.NAMESPACE_NAME}": body["metadata"]["name"]})
    return known


def read_schemas(definitions: list[Body]) -> dict[tuple[str, str], Defaults]:
    """Defaults of custom resources by apiVersion and kind, from live CustomResourceDefinitions."""
    schemas: dict[tuple[str, str], Defaults] = {}
    for definition in definitions:
        spec = definition["spec"]
        for version in spec["versions"]:
            schema = version.get("schema", {}).get("openAPIV3Schema", {})
            kind = spec["names"]["kind"]
            values = dict(_schema_defaults(schema, "")) | _CONTROLLERS.get((spec["group"], kind), {})
            schemas[f"{spec['group']}/{version['name']}", kind] = Defaults(values, typed=False)
    return schemas


def _schema_defaults(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    if "default" in schema and path:
        yield path[1:], schema["default"]
    for key, inner in schema.get("properties", {}).items():
        if path or key not in ("metadata", "status"):
            yield from _schema_defaults(inner, f"{path}.{key}")
    if isinstance(schema.get("items"), Mapping):
        yield from _schema_defaults(schema["items"], f"{path}[]")


_MATCH = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
_RULES = {f"{rules}[].scope": "*" for rules in ("resourceRules", "excludeResourceRules")}


def _under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{key}": value for key, value in values.items()}


_SUBJECTS = Defaults({"roleRef.apiGroup": "rbac.authorization.k8s.io"})
_CONSTRAINTS = _under("spec.matchConstraints", {**_MATCH, **_RULES})
_BINDING = Defaults(_under("spec.matchResources", {**_MATCH, **_RULES}), omitted=frozenset({"spec.matchResources"}))
_CALL = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "timeoutSeconds": 10, "rules[].scope": "*"}

_UNAWAITED = {"metadata.annotations.pulumi.com/skipAwait": ANY}
"""How Pulumi's provider was told not to wait for it."""

_KUBERNETES: dict[tuple[str, str], Defaults] = {
    ("", "Namespace"): Defaults({"spec": {"finalizers": ["kubernetes"]}}),
    ("", "ServiceAccount"): Defaults(),
    ("", "ConfigMap"): Defaults(),
    ("", "ResourceQuota"): Defaults(quantities=("spec.hard.",)),
    ("", "LimitRange"): Defaults(quantities=tuple(f"spec.limits[].{key}." for key in ("default", "defaultRequest", "max", "min"))),
    ("", "PersistentVolumeClaim"): Defaults(
        {
            **_UNAWAITED,
            "metadata.finalizers[]": "kubernetes.io/pvc-protection",
            "metadata.finalizers": ["kubernetes.io/pvc-protection"],
            "metadata.annotations.pv.kubernetes.io/bind-completed": "yes",
            "metadata.annotations.pv.kubernetes.io/bound-by-controller": "yes",
            "metadata.annotations.volume.beta.kubernetes.io/storage-provisioner": ANY,
            "metadata.annotations.volume.kubernetes.io/storage-provisioner": ANY,
            "metadata.annotations.volume.kubernetes.io/selected-node": ANY,
            "spec.storageClassName": ANY,
            "spec.volumeMode": "Filesystem",
            "spec.volumeName": ANY,
        },
        quantities=("spec.resources.requests.",),
    ),
    ("", "Service"): Defaults(
        {
            **_UNAWAITED,
            # Which address is the cluster's own choice, and part of no promise.
            "spec.clusterIP": ANY,
            "spec.clusterIPs": ANY,
            "spec.internalTrafficPolicy": "Cluster",
            "spec.ipFamilies": ANY,
            "spec.ipFamilyPolicy": "SingleStack",
            "spec.sessionAffinity": "None",
            "spec.type": "ClusterIP",
            "spec.ports[].protocol": "TCP",
        }
    ),
    ("apps", "Deployment"): Defaults(
        {
            **_UNAWAITED,
            "metadata.annotations.deployment.kubernetes.io/revision": ANY,
            "spec.progressDeadlineSeconds": 600,
            "spec.replicas": 1,
            "spec.revisionHistoryLimit": 10,
            "spec.strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "spec.template.spec.serviceAccount": ANY,  # the old name of `serviceAccountName`, kept the same
            **template_defaults("spec.template"),
        },
        quantities=template_quantities("spec.template"),
    ),
    ("apps", "StatefulSet"): Defaults(
        {
            **_UNAWAITED,
            "spec.persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "spec.podManagementPolicy": "OrderedReady",
            "spec.replicas": 1,
            "spec.revisionHistoryLimit": 10,
            "spec.updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "spec.volumeClaimTemplates[].apiVersion": "v1",
            "spec.volumeClaimTemplates[].kind": "PersistentVolumeClaim",
            "spec.volumeClaimTemplates[].spec.volumeMode": "Filesystem",
            "spec.volumeClaimTemplates[].status": {"phase": "Pending"},
            "spec.template.spec.serviceAccount": ANY,
            **template_defaults("spec.template"),
        },
        omitted=frozenset({"spec.template.spec.containers[].env[].value"}),
        quantities=(*template_quantities("spec.template"), "spec.volumeClaimTemplates[].spec.resources.requests."),
    ),
    ("batch", "CronJob"): Defaults(
        {
            "spec.concurrencyPolicy": "Allow",
            "spec.suspend": False,
            "spec.successfulJobsHistoryLimit": 3,
            "spec.failedJobsHistoryLimit": 1,
            "spec.jobTemplate.metadata": {},
            "spec.jobTemplate.spec.template.spec.serviceAccount": ANY,
            **template_defaults("spec.jobTemplate.spec.template"),
        },
        quantities=template_quantities("spec.jobTemplate.spec.template"),
    ),
    ("policy", "PodDisruptionBudget"): Defaults(),
    ("networking.k8s.io", "NetworkPolicy"): Defaults(
        {
            "spec.podSelector": {},
            "spec.ingress[].ports[].protocol": "TCP",
            "spec.egress[].ports[].protocol": "TCP",
        }
    ),
    ("scheduling.k8s.io", "PriorityClass"): Defaults(
        {"preemptionPolicy": "PreemptLowerPriority"}, omitted=frozenset({"globalDefault", "description"})
    ),
    ("rbac.authorization.k8s.io", "RoleBinding"): _SUBJECTS,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _SUBJECTS,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): Defaults({"spec.failurePolicy": "Fail", **_CONSTRAINTS}),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): Defaults(
        {"spec.failurePolicy": "Fail", "spec.reinvocationPolicy": "Never", **_CONSTRAINTS}
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): _BINDING,
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): _BINDING,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): Defaults(_under("webhooks[]", {**_CALL, "failurePolicy": "Fail"})),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): Defaults(
        _under("webhooks[]", {**_CALL, "failurePolicy": "Fail", "reinvocationPolicy": "Never"})
    ),
    ("resource.k8s.io", "DeviceClass"): Defaults(),
    ("resource.k8s.io", "ResourceClaimTemplate"): Defaults(
        {"spec.metadata": {}, **_under("spec.spec.devices.requests[].exactly", {"allocationMode": "ExactCount", "count": 1})}
    ),
}
"""Kubernetes' own kinds (its `pkg/apis/*/v1/defaults.go`, and the storage strategies' omitted zero values)."""

_CONTROLLERS: dict[tuple[str, str], dict[str, Any]] = {
    ("policies.kyverno.io", "ImageValidatingPolicy"): {"metadata.annotations.pulumi.com/waitFor": ANY},  # how `pulumi up` waits for it
    ("kueue.x-k8s.io", "ClusterQueue"): {
        "metadata.finalizers": ["kueue.x-k8s.io/resource-in-use"],
        "metadata.finalizers[]": "kueue.x-k8s.io/resource-in-use",
    },
    ("kueue.x-k8s.io", "ResourceFlavor"): {
        "metadata.finalizers": ["kueue.x-k8s.io/resource-in-use"],
        "metadata.finalizers[]": "kueue.x-k8s.io/resource-in-use",
    },
    ("karpenter.sh", "NodePool"): {
        "metadata.annotations.karpenter.sh/nodepool-hash": ANY,
        "metadata.annotations.karpenter.sh/nodepool-hash-version": ANY,
    },
    ("karpenter.k8s.aws", "EC2NodeClass"): {
        "metadata.finalizers": ["karpenter.k8s.aws/termination"],
        "metadata.finalizers[]": "karpenter.k8s.aws/termination",
        "metadata.annotations.karpenter.k8s.aws/ec2nodeclass-hash": ANY,
        "metadata.annotations.karpenter.k8s.aws/ec2nodeclass-hash-version": ANY,
    },
    ("cluster.x-k8s.io", "MachineDeployment"): {
        "metadata.finalizers": ["cluster.x-k8s.io/machinedeployment"],
        "metadata.finalizers[]": "cluster.x-k8s.io/machinedeployment",
        "metadata.annotations.machinedeployment.clusters.x-k8s.io/revision": ANY,
        "metadata.ownerReferences": ANY,  # its Cluster, which Cluster API sets
    },
}
"""What the controllers of custom resources write into them, beside status."""
