"""Roles and access: what people and delivery tools may do inside segments."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from .concept import REFERENCE, Concept, Name, Text

VIEWER = "viewer"
"""The built-in role that reads."""
OPERATOR = "operator"
"""The built-in role that also changes what runs."""


class Session(StrEnum):
    """A way into a running pod. Guardrails refuse each unless a role says so."""

    EXEC = "Exec"
    ATTACH = "Attach"
    PORT_FORWARD = "PortForward"
    EPHEMERAL_CONTAINER = "EphemeralContainer"


Word = Annotated[str, StringConstraints(min_length=1, max_length=253)]


class Permission(Concept):
    """One RBAC rule (`rbac.authorization.k8s.io/v1` PolicyRule), without names or wildcards."""

    api_groups: tuple[Annotated[str, StringConstraints(max_length=253)], ...] = ("",)
    """API groups; the core group is `""`."""
    resources: tuple[Word, ...] = Field(min_length=1)
    """Resources, such as `pods` or `pods/log`."""
    verbs: tuple[Word, ...] = Field(min_length=1)
    """Verbs, such as `get`."""


class Role(Concept):
    """What a holder may do inside a segment. `viewer` and `operator` are built in."""

    name: Name
    """Its name."""
    permissions: tuple[Permission, ...] = Field(min_length=1)
    """RBAC rules."""
    sessions: tuple[Session, ...] = ()
    """Ways into running pods that it opens."""


class Access(Concept):
    """A standing grant: one group of people, or one ServiceAccount of a delivery tool, holds one role in some segments."""

    group: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = None
    """The group, as the identity provider names it. Exactly one of `group` and `serviceAccount`."""
    service_account: Annotated[str, StringConstraints(pattern=REFERENCE)] | None = None
    """The ServiceAccount of a delivery tool as `namespace/name`, outside the factory's segments."""
    role: Name
    """The role: `viewer`, `operator` or one of `roles`."""
    segments: tuple[Name, ...] = Field(min_length=1)
    """The segments in which it holds."""
    because: Text
    """Why, in words that a reviewer understands."""

    @property
    def subject(self) -> str:
        """Who holds it: the group, or the ServiceAccount as `namespace/name`."""
        return self.group or self.service_account or ""

    @property
    def reference(self) -> str:
        """How findings and waivers name it: `ml-research: operator`."""
        return f"{self.subject}: {self.role}"
