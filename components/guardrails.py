"""Guardrails, as a resource."""

from ._part import Part


class Guardrails(Part):
    """The admission policies that hold the factory's segments to its spec, with their parameters and bindings."""
