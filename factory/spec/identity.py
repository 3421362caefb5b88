"""Identity: of people and of workloads."""

from __future__ import annotations

from pydantic import Field

from .concept import Concept
from .provider import AnyProvider, Strength
from .spire import WorkloadIdentity


class People(Concept):
    """How people sign in."""

    providers: tuple[AnyProvider, ...] = Field(min_length=1)
    """Who vouches for them."""
    step_up: Strength = Strength.PHISHING_RESISTANT
    """How strongly they must have signed in to enter a pod, to change a Secret and to change who holds a role."""


class Identity(Concept):
    """Who may be anybody at all."""

    people: People | None = None
    """How people sign in. Absent: as the cluster already has it."""
    workloads: WorkloadIdentity | None = None
    """How workloads prove who they are. Absent: by ServiceAccount alone."""
