"""What a role lets its holder do."""

from __future__ import annotations

from factory.spec import OPERATOR, VIEWER, Factory

READING = frozenset({"get", "list", "watch"})
"""Verbs that change nothing."""


def may_write(factory: Factory) -> dict[str, bool]:
    """Whether the holder of each role may change something: by a verb that is more than reading, or by a session in a running pod."""
    power = {VIEWER: False, OPERATOR: True}
    for role in factory.roles:
        power[role.name] = bool(role.sessions) or any(not READING.issuperset(permission.verbs) for permission in role.permissions)
    return power
