"""What Pod Security `restricted` asks of the pods that the plan itself runs (Kubernetes, *Pod Security Standards*)."""

from __future__ import annotations

from typing import Any

from factory.spec import Distribution, Factory

RESTRICTED_CONTAINER = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
"""A container's security context. Its root filesystem is read-only beside."""


NOBODY = 65532
"""User and group of an image that needs none of its own, beyond the numbers that nodes give to their users; distroless: `nonroot`."""


def restricted_pod(factory: Factory, user: int = NOBODY, group: int = NOBODY, **more: Any) -> dict[str, Any]:
    """A pod's security context: the user of its image, and the group that owns its volumes.

    OpenShift gives each namespace users and groups of its own, and by its SCC `restricted-v2` refuses a pod that names others (OpenShift,
    *Managing security context constraints*).
    """
    given = factory.cluster.distribution is Distribution.OPENSHIFT
    owner = {} if given else {"runAsUser": user, "runAsGroup": group, "fsGroup": group}
    return {"runAsNonRoot": True, **owner, **more, "seccompProfile": {"type": "RuntimeDefault"}}
