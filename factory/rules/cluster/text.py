"""Every text of a spec, with its path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from factory.spec import Concept


def texts(concept: Concept, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and value of each text below a concept, keys of labels included."""
    prefix = f"{path}." if path else ""
    for field, key in _fields(type(concept)):
        yield from _texts(getattr(concept, field), prefix + key)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Concept):
        yield from texts(value, path)
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from _texts(item, f"{path}[{_name(item, position)}]")
    elif isinstance(value, dict):
        for key, word in value.items():
            yield f"{path}[{key}]", key
            yield f"{path}[{key}]", word


@cache
def _fields(concept: type[Concept]) -> list[tuple[str, str]]:
    return [(name, field.alias or name) for name, field in concept.model_fields.items()]


def _name(item: Any, position: int) -> Any:
    """How paths name a list item: in full where its name alone is not unique, by position where it has none."""
    if isinstance(item, str):
        return item
    for attribute in ("reference", "name", "pool", "key"):
        if isinstance(name := getattr(item, attribute, None), str):
            return name
    return position
