"""Who decides what a named user may do: AuthorizationConfiguration (apiserver.config.k8s.io, KEP-3221)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Factory

from . import controls, names
from .manifest import Because, File

AUTHORIZATION = "authorization.yaml"


def authorization_flags(factory: Factory) -> dict[str, Any]:
    """The flag of kube-apiserver that puts the file in force; `--authorization-mode` cannot stand beside it."""
    return {"authorization-config": f"{names.INSTALL_PREFIX}/{AUTHORIZATION}"}


def plan_authorization(factory: Factory) -> Iterator[File]:
    """Kubelets by their node, everybody else by RBAC. Never AlwaysAllow, and no webhook that could be down, or say yes to everything."""
    yield File(
        AUTHORIZATION,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthorizationConfiguration",
            "authorizers": [{"type": "Node", "name": "node"}, {"type": "RBAC", "name": "rbac"}],
        },
        Because("identity.people", "who decides what a named user may do", (controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC)),
    )
