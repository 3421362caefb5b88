"""What the rules about grants look at: who is eligible, and what time it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from factory.spec import Eligibility, Factory, Grant


@dataclass(frozen=True)
class Grants:
    """The grants of a spec, at a moment. Where only the day is known, what may be in force on that day is."""

    grants: tuple[Grant, ...]
    earliest: datetime
    latest: datetime

    @classmethod
    def at(cls, factory: Factory, now: date) -> Grants:
        """`now` is a moment in UTC, or a day."""
        if isinstance(now, datetime):
            return cls(factory.grants, now, now)
        return cls(factory.grants, datetime.combine(now, time.min, UTC), datetime.combine(now, time.max, UTC))


def eligible(factory: Factory, grant: Grant) -> list[Eligibility]:
    """What lets somebody hold the role of a grant in its segment. Whether the person is in the group, their provider knows."""
    return [each for each in factory.eligibility if each.role == grant.role and grant.segment in each.segments]


def moment(text: str) -> datetime | None:
    """A moment in UTC, None where the calendar has none such."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
