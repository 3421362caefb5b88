"""A reference that finds nothing, in words: what exists, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

from factory.errors import did_you_mean, listed
from factory.rules.rule import Problem


def dangling(path: str, collection: str, name: str, known: Iterable[str]) -> Problem:
    """The problem of a name at `path` that stands for nothing in `collection`."""
    words = list(known)
    fix = did_you_mean(name, words) or None
    return Problem(path, f"is not one of the factory's {collection}", name, listed(words), fix, missing=(collection, name))
