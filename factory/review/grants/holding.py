"""A role that somebody holds, or asks for, for a while: what its RoleBinding says. Pure; what is wrong with one, `audit` says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from factory.plan import Body, names
from factory.review.audit.grant import is_grant
from factory.spec import Eligibility, Factory


class State(StrEnum):
    """What a grant gives now."""

    ASKED = "asked"
    """Nothing: nobody has agreed yet."""
    HELD = "held"
    """The role."""
    OVERDUE = "overdue"
    """What it gave before its end: nothing has taken it away."""


@dataclass(frozen=True)
class Holding:
    """One grant. Fields are empty where its object does not say."""

    segment: str
    role: str
    user: str
    """Who asked, and holds it."""
    expires: datetime | None
    reason: str
    ticket: str
    approver: str
    """Who agreed."""
    body: Body
    """The RoleBinding."""

    def state(self, now: datetime) -> State:
        """What it gives at a moment. One without an end is overdue."""
        if self.expires is None or self.expires <= now:
            return State.OVERDUE
        return State.HELD if self.body.get("subjects") else State.ASKED

    def left(self, now: datetime) -> timedelta | None:
        """Time until its end; negative when it is overdue."""
        return None if self.expires is None else self.expires - now


def find_holdings(factory: Factory, bindings: Iterable[Body]) -> Iterator[Holding]:
    """The grants among the RoleBindings of the factory's segments."""
    segments = {names.namespace(factory.name, segment.name): segment.name for segment in factory.segments}
    for body in bindings:
        segment = segments.get(body["metadata"].get("namespace", ""))
        if segment is None or not is_grant(body):
            continue
        notes = body["metadata"].get("annotations") or {}
        user, approver = notes.get(names.REQUESTED_BY, ""), notes.get(names.APPROVED_BY, "")
        expires = read_moment(notes.get(names.EXPIRES_AT, ""))
        about = notes.get(names.REASON, ""), notes.get(names.TICKET, "")
        yield Holding(segment, body["roleRef"]["name"], user, expires, *about, approver, body)


def find_eligibility(factory: Factory, role: str, segment: str) -> list[Eligibility]:
    """What lets somebody hold a role in a segment."""
    return [each for each in factory.eligibility if each.role == role and segment in each.segments]


def read_moment(text: str) -> datetime | None:
    """A moment in UTC, None where it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def show_moment(moment: datetime) -> str:
    """RFC 3339 in UTC, as grants say it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def show_span(span: timedelta) -> str:
    """`1h 05m`, `29m 12s`, `48s`; with a minus before what is over."""
    seconds = int(abs(span).total_seconds())
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    text = f"{hours}h {minutes:02}m" if hours else f"{minutes}m {seconds % 60:02}s" if minutes else f"{seconds}s"
    return f"-{text}" if span < timedelta() else text
