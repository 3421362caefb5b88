"""Permissions that make more permissions."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .power import READING

_ESCALATING = frozenset({"escalate", "bind", "impersonate"})
_GUARDED = frozenset(
    {
        "ciliumnetworkpolicies",
        "limitranges",
        "networkpolicies",
        "persistentvolumeclaims",
        "resourcequotas",
        "rolebindings",
        "roles",
        "serviceaccounts",
        "serviceaccounts/token",
    }
)
"""What grants and bounds a segment's workloads are made of."""


@rule(
    "ZT405",
    "No role can raise its own power",
    why="Who may escalate, bind or impersonate, make tokens, or write roles, network policies, volume claims and quotas, holds whatever "
    "they want (CIS 5.1.8).",
    fix="Remove it: only the deployer changes these.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_escalating_permissions(factory: Factory) -> Iterator[Problem]:
    for role in factory.roles:
        for position, permission in enumerate(role.permissions):
            path = f"roles[{role.name}].permissions[{position}]"
            if verbs := _ESCALATING.intersection(permission.verbs):
                yield Problem(f"{path}.verbs", "raises its holder's own power", listed(verbs))
            elif (guarded := _GUARDED.intersection(permission.resources)) and not READING.issuperset(permission.verbs):
                yield Problem(f"{path}.resources", "may be changed by its holder, and bounds that holder", listed(guarded))
