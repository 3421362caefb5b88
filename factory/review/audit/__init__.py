"""Whether the cluster still is what the spec says: live objects against the plan, whole."""

from .audit import find_drift, find_kinds
from .drift import Change, Drift

__all__ = ["Change", "Drift", "find_drift", "find_kinds"]
