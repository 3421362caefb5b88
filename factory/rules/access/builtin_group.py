"""Access for Kubernetes' own groups."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT403",
    "Access is given to groups of the identity provider",
    why="`system:authenticated` is everybody with any token, every pod included. The other `system:` groups belong to Kubernetes itself.",
    fix="Name a group that your identity provider manages.",
    references=(controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_builtin_groups(factory: Factory) -> Iterator[Problem]:
    for access in factory.access:
        if access.group is not None and access.group.startswith("system:"):
            yield Problem(f"access[{access.reference}].group", "is a group of Kubernetes itself", access.group)
    for eligibility in factory.eligibility:
        for field in ("group", "approvers"):
            if (getattr(eligibility, field) or "").startswith("system:"):
                path = f"eligibility[{eligibility.reference}].{field}"
                yield Problem(path, "is a group of Kubernetes itself", getattr(eligibility, field))
    for grant in factory.grants:
        for field in ("user", "approver"):
            if getattr(grant, field).startswith("system:"):
                yield Problem(f"grants[{grant.reference}].{field}", "is a part of Kubernetes itself", getattr(grant, field))
