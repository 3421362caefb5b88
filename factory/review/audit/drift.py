"""One thing in a live cluster that is not as the plan says."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from factory.errors import Severity
from factory.plan import Body, Manifest

from .author import Author


class Change(StrEnum):
    """What somebody did."""

    MISSING = "Missing"
    """A planned object is not there."""
    CHANGED = "Changed"
    """A planned field has another value."""
    REMOVED = "Removed"
    """A planned key or list item is not there."""
    ADDED = "Added"
    """A key or list item is there that is not planned."""
    UNPLANNED = "Unplanned"
    """An object is there that is not planned, in a place that matters."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between plan and cluster."""

    change: Change
    reference: str
    """The object: `NetworkPolicy helix-training/deny-all`."""
    meaning: str
    """What it means for trust, in a few words."""
    severity: Severity
    field: str = ""
    """The field: `spec.ingress[0]`; empty for a whole object."""
    planned: Any = None
    live: Any = None
    path: str = ""
    """The spec path that wants it otherwise; empty where none does."""
    line: int | None = None
    """The line of the stack file, 1-based."""
    author: Author | None = None
    """Who wrote it last."""
    manifest: Manifest | None = dataclasses.field(default=None, repr=False)
    """What the plan says; None for an unplanned object."""
    object: Body | None = dataclasses.field(default=None, repr=False)
    """The live object; None for a missing one."""
