"""From a spec to a plan: one concern a file, pure functions."""

from .factory import plan_factory
from .manifest import Because, Body, Component, File, Manifest, Plan, reference

__all__ = ["Because", "Body", "Component", "File", "Manifest", "Plan", "plan_factory", "reference"]
