"""What the API server writes down of every request: audit Policy (audit.k8s.io/v1).

Who asked (user, groups, extra attributes, address) stands in every event. What differs is whether the body is kept: for what changes
trust it is, for what may hold a secret it never is. The first rule that matches decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Factory

from . import controls, names
from .manifest import Because, Body, File

AUDIT = "audit.yaml"
LOG = "/var/log/kubernetes/audit/audit.log"
"""Where events are written: collect it from there, off the machine."""

CHANGES = ["create", "update", "patch", "delete", "deletecollection"]
READS = ["get", "list", "watch"]

_CONFIDENTIAL = (
    {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
    {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
)
"""Bodies with secrets, or with what somebody took for no secret."""
_SESSIONS = {
    "group": "",
    "resources": [
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/proxy",
        "services/proxy",
        "nodes/proxy",
        "pods/ephemeralcontainers",
    ],
}
_TRUST = (
    {"group": "rbac.authorization.k8s.io"},
    {"group": "admissionregistration.k8s.io"},
    {"group": "certificates.k8s.io"},
)
"""What changes who may do what: old and new object, with reason, ticket and approver in its annotations."""
_FACTORY = (
    {
        "group": "",
        "resources": ["limitranges", "namespaces", "persistentvolumeclaims", "pods", "resourcequotas", "serviceaccounts", "services"],
    },
    *({"group": group} for group in ("apps", "batch", "networking.k8s.io", "policy.networking.k8s.io", "cilium.io", "resource.k8s.io")),
    *({"group": group} for group in ("scheduling.k8s.io", "kueue.x-k8s.io", "karpenter.sh", "cluster.x-k8s.io", "spire.spiffe.io")),
)
"""What the factory is made of."""
_NOISE = ({"group": "coordination.k8s.io", "resources": ["leases"]}, {"group": "events.k8s.io"}, {"group": "", "resources": ["events"]})
_SYSTEM = ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy"]


def audit_flags(factory: Factory) -> dict[str, Any]:
    """Flags of kube-apiserver that put the policy in force. Limits are those of the CIS Kubernetes Benchmark, section 1.2."""
    return {
        "audit-policy-file": f"{names.INSTALL_PREFIX}/{AUDIT}",
        "audit-log-path": LOG,
        "audit-log-maxage": 30,
        "audit-log-maxbackup": 10,
        "audit-log-maxsize": 100,
    }


def plan_audit_policy(factory: Factory) -> Iterator[File]:
    """One policy for all: audit rules cannot tell people by prefix, and a machine that does what people do is as interesting."""
    yield File(
        AUDIT,
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "omitManagedFields": True,
            "rules": list(_rules()),
        },
        Because("identity.people", "who did what, with which proof of identity, and why", (controls.TENET_5, controls.TENET_7)),
    )


def _rules() -> Iterator[Body]:
    yield {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*", "/metrics"]}
    yield {"level": "Metadata", "resources": list(_CONFIDENTIAL)}
    yield {"level": "Metadata", "resources": [_SESSIONS]}
    yield {"level": "RequestResponse", "verbs": CHANGES, "resources": list(_TRUST)}
    yield {"level": "None", "resources": list(_NOISE)}
    yield {"level": "None", "users": _SYSTEM, "verbs": READS}
    yield {"level": "None", "userGroups": ["system:nodes"], "verbs": READS}
    # A kubelet's heartbeats and pod statuses: what it does to pods is seen in who created them.
    status = {"group": "", "resources": ["nodes/status", "pods/status"]}
    yield {"level": "None", "userGroups": ["system:nodes"], "verbs": ["update", "patch"], "resources": [status]}
    yield {"level": "Request", "verbs": CHANGES, "resources": list(_FACTORY)}
    yield {"level": "Metadata"}
