"""A whole live object against its plan: everything that somebody changed, took away or added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from factory.plan import Body

from .default import ANY, Defaults, is_quantity, same_quantity

Path = tuple[str | int, ...]
"""Keys and positions from the root of a live object."""


class Absent(Enum):
    """The value of a key or item that is not there."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

SERVER_METADATA = frozenset({"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"})
"""Metadata that only the API server writes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a live object is not as planned. An item that was taken out of a list is placed behind the list's end."""

    path: Path
    planned: Any
    live: Any


def find_differences(planned: Body, live: Body, defaults: Defaults) -> Iterator[Difference]:
    """Every difference of a live object to its plan, beside status, server metadata and server defaults.

    What the defaults do not know is a difference: an unknown field is reported rather than believed harmless.
    """
    mine, its = planned["metadata"], live["metadata"]
    seen = {key: value for key, value in its.items() if key not in SERVER_METADATA}
    if mine != seen:
        yield from _mapping(mine, seen, ("metadata",), defaults)
    for key in {**planned, **live}:
        if key not in ("metadata", "status"):
            yield from _value(planned.get(key, ABSENT), live.get(key, ABSENT), (key,), defaults)


def find_patch_differences(planned: Body, live: Body, tolerated: Sequence[str] = ()) -> Iterator[Difference]:
    """Differences of an object that somebody else owns: only the fields that the plan sets are looked at, lists of them whole.

    `tolerated` are key prefixes of list items that others put there for a while, such as a node controller's taints.
    """
    yield from _planned_only(planned, live, (), tuple(tolerated))


def _planned_only(planned: Any, live: Any, path: Path, tolerated: tuple[str, ...]) -> Iterator[Difference]:
    if isinstance(planned, Mapping) and isinstance(live, Mapping):
        for key, value in planned.items():
            yield from _planned_only(value, live.get(key, ABSENT), (*path, key), tolerated)
    elif isinstance(planned, list) and isinstance(live, list):
        kept = [item for item in live if not (tolerated and str(item.get("key", "")).startswith(tolerated))]
        # Positions are those of the list without what is tolerated: they are shown, never written to.
        yield from _list(planned, kept, path, Defaults())
    elif planned != live:
        yield Difference(path, planned, live)


def _value(planned: Any, live: Any, path: Path, defaults: Defaults) -> Iterator[Difference]:
    if planned is live or planned == live or (planned is None and live is ABSENT):
        return
    if planned is ABSENT or planned is None:
        if not _is_default(live, path, defaults):
            yield Difference(path, ABSENT, live)
    elif live is ABSENT:
        if not defaults.omits(path, planned):
            yield Difference(path, planned, ABSENT)
    elif isinstance(planned, Mapping) and isinstance(live, Mapping):
        yield from _mapping(planned, live, path, defaults)
    elif isinstance(planned, list) and isinstance(live, list):
        yield from _list(planned, live, path, defaults)
    elif not (is_quantity(defaults, path) and same_quantity(planned, live)):
        yield Difference(path, planned, live)


def _mapping(planned: Mapping[str, Any], live: Mapping[str, Any], path: Path, defaults: Defaults) -> Iterator[Difference]:
    for key, value in planned.items():
        yield from _value(value, live.get(key, ABSENT), (*path, key), defaults)
    for key, value in live.items():
        if key not in planned:
            yield from _value(ABSENT, value, (*path, key), defaults)


def _list(planned: list[Any], live: list[Any], path: Path, defaults: Defaults) -> Iterator[Difference]:
    """Items are paired where they are alike, so that one that was put in front of the others is one difference, not many."""

    def alike(mine: Any, its: Any) -> bool:
        return next(_value(mine, its, (*path, 0), defaults), None) is None

    left = list(range(len(planned)))
    added: list[int] = []
    pairs: list[tuple[int, int]] = []
    for position, its in enumerate(live):
        match = next((index for index in left if alike(planned[index], its)), None)
        if match is None:
            added.append(position)
        else:
            left.remove(match)
            pairs.append((match, position))
    for position in list(added):
        likeness, mine = max(((_likeness(planned[index], live[position]), -index) for index in left), default=(0.0, 0))
        if likeness >= 0.5 or (len(left) == len(added) == 1 and isinstance(live[position], Mapping)):
            left.remove(-mine)
            added.remove(position)
            yield from _value(planned[-mine], live[position], (*path, position), defaults)
    for position in added:
        if not _is_default(live[position], (*path, position), defaults):
            yield Difference((*path, position), ABSENT, live[position])
    for behind, mine in enumerate(left):
        yield Difference((*path, len(live) + behind), planned[mine], ABSENT)
    if not left and not added and pairs != sorted(pairs):
        yield Difference(path, planned, live)


def _likeness(planned: Any, live: Any) -> float:
    """How much of two items is the same, from 0 to 1: they are one item that was changed, or two. A name decides alone."""
    if not isinstance(planned, Mapping) or not isinstance(live, Mapping):
        return 0.0
    for name in ("name", "key"):
        if name in planned or name in live:
            return float(planned.get(name) == live.get(name))
    keys = {*planned, *live}
    return sum(planned.get(key, ABSENT) == live.get(key, ABSENT) for key in keys) / len(keys) if keys else 1.0


def _is_default(live: Any, path: Path, defaults: Defaults) -> bool:
    default = defaults.at(path)
    if default is ANY:
        return True
    return default is not None and next(_value(default, live, path, defaults), None) is None
