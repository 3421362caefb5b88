"""Access for ServiceAccounts that every pod has."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT414",
    "A delivery tool has a ServiceAccount of its own",
    why="Every pod of a namespace that names no other runs as its `default` ServiceAccount (CIS 5.1.5).",
    fix="Give the tool its own ServiceAccount and grant that.",
    references=(controls.AUTHORIZATION, controls.CIS_RBAC),
)
def find_default_accounts(factory: Factory) -> Iterator[Problem]:
    for access in factory.access:
        if access.service_account is not None and access.service_account.endswith("/default"):
            yield Problem(f"access[{access.reference}].serviceAccount", "is a default ServiceAccount", access.service_account)
