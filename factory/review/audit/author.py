"""Who wrote a field last, as the API server remembers it (server-side apply's `managedFields`, KEP-555)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from factory.plan import Body

from .compare import ABSENT, Difference


class Author(NamedTuple):
    """A field manager and its last write. A name that a client gives itself: evidence for people, no proof."""

    manager: str
    operation: str
    """`Apply` or `Update`."""
    time: str
    """RFC 3339, UTC."""

    def __str__(self) -> str:
        return f"{self.manager} ({self.operation}, {self.time})"


def find_author(live: Body, difference: Difference | None = None) -> Author | None:
    """Who wrote the field of a difference, or without one the object. What was taken away is owned by nobody: then the last writer."""
    entries = [entry for entry in live["metadata"].get("managedFields", ()) if not entry.get("subresource")]
    if difference is not None and difference.live is not ABSENT:
        depths = [(_depth(entry.get("fieldsV1", {}), live, difference.path), entry) for entry in entries]
        deepest = max((depth for depth, _ in depths), default=0)
        entries = [entry for depth, entry in depths if depth == deepest]
    last = max(entries, key=lambda entry: str(entry.get("time", "")), default=None)
    return None if last is None else Author(last.get("manager", "unknown"), last.get("operation", ""), last.get("time", ""))


def _depth(fields: Mapping[str, Any], live: Any, path: tuple[str | int, ...]) -> int:
    """How many steps of a path a manager's set of fields follows."""
    if not path:
        return 0
    step = path[0]
    try:
        inner = live[step]
    except (KeyError, IndexError):
        return 0
    key = next(_owned(fields, inner), None) if isinstance(step, int) else f"f:{step}"
    return 0 if key is None or key not in fields else 1 + _depth(fields[key], inner, path[1:])


def _owned(fields: Mapping[str, Any], item: Any) -> Iterator[str]:
    """The key under which a set of fields holds a list's item: `k:{"name":"https"}` or `v:"kubernetes"`."""
    for key in fields:
        if (key.startswith("v:") and json.loads(key[2:]) == item) or (
            key.startswith("k:")
            and isinstance(item, Mapping)
            and all(item.get(name) == value for name, value in json.loads(key[2:]).items())
        ):
            yield key
