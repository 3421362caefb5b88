"""What a role lets its holder do."""

from __future__ import annotations

from collections.abc import Iterable

from factory.plan.access import BUILT_IN
from factory.spec import Factory, Permission

READING = frozenset({"get", "list", "watch"})
"""Verbs that change nothing."""


def may_write(factory: Factory) -> dict[str, bool]:
    """Whether the holder of each role may change something: by a verb that is more than reading, or by a session in a running pod."""
    power = {name: _changes(permissions) for name, permissions in BUILT_IN.items()}
    return power | {role.name: bool(role.sessions) or _changes(role.permissions) for role in factory.roles}


def _changes(permissions: Iterable[Permission]) -> bool:
    return any(not READING.issuperset(permission.verbs) for permission in permissions)
