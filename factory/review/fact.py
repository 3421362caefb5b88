"""A fact of the trust model: one thing that somebody may do, or that stops somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import IntEnum, StrEnum
from typing import Any

from factory.plan import Because

from .objects import Name


class Topic(StrEnum):
    """What a fact is about: the headings of a diff, in their order."""

    REACH = "Who reaches whom"
    DATA = "Data and models"
    PEOPLE = "People and tools"
    GUARDRAILS = "Guardrails"
    SEGMENTS = "Segments and identities"
    CAPACITY = "Nodes and quotas"
    SPEC = "Posture and waivers"
    OBJECTS = "Other objects"


class Weight(IntEnum):
    """How bad a fact is where it widens trust, worst first."""

    CRITICAL = 1
    """The internet, sensitive data, the means to give oneself more, a guardrail gone."""
    HIGH = 2
    """People who change what runs or enter it, a guardrail weakened, the world outside the factory, what is not understood."""
    MEDIUM = 3
    """From one workload to another, models, images."""
    LOW = 4
    """People who look, public data, nodes, quotas."""


@dataclass(frozen=True)
class Fact:
    """One thing that is so."""

    topic: Topic
    key: tuple[str, ...]
    """What tells it apart within its topic: two versions of it have the same."""
    said: str
    """A sentence: `training/notebook reads dataset claims (Restricted)`."""
    opens: bool
    """Whether it lets somebody do something, rather than stop somebody."""
    weight: Weight
    by: tuple[Name, ...] = ()
    """The objects that make it so."""
    because: Because | None = None
    amount: Decimal | None = None
    """Where more or less of it matters: the more, the wider."""
    place: str = ""
    """The namespace that it is about. What protects a namespace is neither gained nor lost together with it."""
    part: bool = False
    """Whether it is a detail of its object, not worth telling when the whole object comes or goes."""
    of: tuple[str, ...] = ()
    """Key of the fact of the same topic that it is a detail of, likewise."""


UNITS: Mapping[str, Decimal] = {
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    "m": Decimal("0.001"),
}
"""Suffixes of Kubernetes quantities."""


def quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number; None for what is none."""
    text = str(value)
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    try:
        return Decimal(text.removesuffix(unit)) * UNITS.get(unit, 1)
    except InvalidOperation:
        return None
