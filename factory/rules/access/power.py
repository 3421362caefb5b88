"""What a role lets its holder do."""

from __future__ import annotations

from collections.abc import Iterable

from factory.plan.catalogue import permissions, sessions
from factory.spec import Factory, Permission

READING = frozenset({"get", "list", "watch"})
"""Verbs that change nothing."""


def may_write(factory: Factory) -> dict[str, bool]:
    """Whether the holder of each role may change something: by a verb that is more than reading, or by a session in a running pod."""
    return {role: bool(sessions(factory, role)) or _changes(rules) for role, rules in permissions(factory).items()}


def _changes(rules: Iterable[Permission]) -> bool:
    return any(not READING.issuperset(permission.verbs) for permission in rules)
