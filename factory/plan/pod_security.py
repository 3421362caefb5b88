"""What Pod Security `restricted` asks of the pods that the plan itself runs (Kubernetes, *Pod Security Standards*)."""

from __future__ import annotations

from typing import Any

RESTRICTED_CONTAINER = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
"""A container's security context. Its root filesystem is read-only beside."""


def restricted_pod(user: int = 1000, **more: Any) -> dict[str, Any]:
    """A pod's security context: the user of its image, whose group 1000 owns its volumes."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        **more,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
