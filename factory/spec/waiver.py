"""Waivers: findings that somebody has decided to live with, for a while."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from .concept import DATE, RULE_ID, Concept, Text


class Waiver(Concept):
    """Silences exactly one finding of one rule, until a date."""

    rule: Annotated[str, StringConstraints(pattern=RULE_ID)]
    """The rule's id."""
    path: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """The finding's path, as `factory validate` prints it."""
    reason: Text
    """Why it is right to live with it."""
    owner: Annotated[str, StringConstraints(min_length=2, max_length=128)]
    """Who answers for it."""
    expires: Annotated[str, StringConstraints(pattern=DATE)]
    """The last day on which it holds. After it, it is an error."""

    @property
    def reference(self) -> str:
        """How findings name it: `ZT301 segments[training].quota.gpu`."""
        return f"{self.rule} {self.path}"
