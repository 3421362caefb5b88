"""Guardrails: what the API server refuses in a segment, one guardrail a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from factory.spec import Factory

from ..manifest import Manifest
from .grants import plan_grants
from .guardrail import GRANTS, Guardrail
from .identity import identity
from .image import image

GUARDRAILS: tuple[Callable[[Factory], Guardrail], ...] = (identity, image)
"""All guardrails, by id."""


def plan_guardrails(factory: Factory) -> Iterator[Manifest]:
    """A policy and a binding for each guardrail."""
    for guardrail in GUARDRAILS:
        yield from guardrail(factory).plan(factory)


def describe_guardrails(factory: Factory) -> dict[str, str]:
    """What their preview row shows: each one's title."""
    return {guardrail.id: guardrail.title for guardrail in (guardrail(factory) for guardrail in GUARDRAILS)}


__all__ = ["GRANTS", "GUARDRAILS", "Guardrail", "describe_guardrails", "plan_grants", "plan_guardrails"]
