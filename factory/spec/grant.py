"""Just-in-time access: who may hold a role for a while, and who holds one now."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from .concept import GROUP, MOMENT, USER, Concept, Duration, Name, Text
from .provider import seconds

User = Annotated[str, StringConstraints(pattern=USER, max_length=253)]
"""A person as the API server names them: provider and name, such as `staff:alice`."""

Group = Annotated[str, StringConstraints(pattern=GROUP, max_length=253)]
"""A group as the API server names it, such as `staff:ml-research`."""


class Eligibility(Concept):
    """Members of a group may hold a role for a while, when somebody else agrees. `break-glass` alone may be held without."""

    group: Group
    """Who may ask: a group as the API server names it, such as `staff:ml-research`."""
    role: Name
    """The role that they may get."""
    segments: tuple[Name, ...] = Field(min_length=1)
    """The segments in which."""
    longest: Duration = "4h"
    """The longest that one grant may last; at most 12h."""
    ticket: bool = False
    """Whether a ticket must be named. A reason always must."""
    approvers: Group | None = None
    """The group that may agree. Nobody agrees to a grant of their own. Absent for `break-glass` only, which then holds at once."""
    because: Text
    """Why, in words that a reviewer understands."""

    @property
    def reference(self) -> str:
        """How findings and waivers name it: `staff:ml-research: operator`."""
        return f"{self.group}: {self.role}"

    @property
    def longest_seconds(self) -> int:
        """`longest` in seconds."""
        return seconds(self.longest)


class Grant(Concept):
    """One person holds a role in one segment until a moment. Made by pull request: the review is the approval."""

    user: User
    """Who."""
    role: Name
    """The role."""
    segment: Name
    """Where."""
    since: Annotated[str, StringConstraints(pattern=MOMENT)]
    """From when, in UTC: the moment of asking."""
    until: Annotated[str, StringConstraints(pattern=MOMENT)]
    """Until when, in UTC."""
    reason: Text
    """What for."""
    ticket: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    """The ticket, where the eligibility asks for one."""
    approver: User
    """Who agreed."""

    @property
    def reference(self) -> str:
        """How findings and waivers name it: `staff:alice: operator in training`."""
        return f"{self.user}: {self.role} in {self.segment}"
