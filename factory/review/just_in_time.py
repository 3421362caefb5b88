"""Just-in-time access: who may hold a role for a while, as the guardrails read it, and who holds one, as its RoleBinding says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from factory.plan import Because, names
from factory.plan.guardrail import GRANTS

from .objects import Name, Object, Objects, find_because
from .right import say_subject

ELIGIBLE = "eligible"
"""End of the ConfigMap's keys that say so: `operator.eligible`."""
_END = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2})(\d{2})(\d{2}Z)")


class Eligibility(NamedTuple):
    """Members of a group may hold a role in one place for a while. `factory.spec.Eligibility` is what the spec says of all places."""

    group: str
    role: str
    place: str
    """A segment, or another namespace."""
    seconds: int | None
    """The longest that one grant may last; None where the object does not say it in a form that is understood."""
    approvers: str
    """The group whose members agree; empty where the role is held at once."""
    ticket: bool
    """Whether a ticket must be named."""
    by: tuple[Name, ...]
    """What the guardrails read, then the bindings by which they ask and agree."""
    because: Because | None

    @property
    def terms(self) -> str:
        """`for up to 1h, when a member of staff:leads agrees, with a ticket`."""
        consent = f"when a member of {self.approvers} agrees" if self.approvers else "at once: nobody needs to agree"
        return f"for up to {say_seconds(self.seconds)}, {consent}{', with a ticket' if self.ticket else ''}"


class HeldRole(NamedTuple):
    """Somebody holds a role in one place until a moment."""

    subject: str
    """`user staff:alice`."""
    role: str
    place: str
    until: str | None
    """When it is taken away, RFC 3339 in UTC; None where it never is."""
    reason: str
    ticket: str
    approver: str
    by: tuple[Name, ...]
    because: Because | None

    @property
    def terms(self) -> str:
        """`until 2026-12-01T17:00:00Z: the loader is rolled out by hand, agreed by staff:bob`."""
        end = f"until {self.until}" if self.until else "for good: nothing takes it away"
        consent = f"agreed by {self.approver}" if self.approver else "agreed by nobody"
        return f"{end}: {self.reason or 'no reason'}{f' ({self.ticket})' if self.ticket else ''}, {consent}"

    @property
    def end(self) -> Decimal:
        """`until` as a number, the later the larger."""
        return Decimal(re.sub(r"\D", "", self.until)) if self.until else Decimal("Infinity")


def find_eligibility(objects: Objects) -> Iterator[Eligibility]:
    """Every line of every segment's ConfigMap: group, approvers, seconds and `ticket`, parted by tabs."""
    for body in objects.bodies:
        name = Name.of(body)
        if (name.kind, name.name) != ("ConfigMap", GRANTS):
            continue
        place = objects.segments.get(name.namespace, name.namespace)
        for key, lines in sorted((body.get("data") or {}).items()):
            role, _, kind = key.rpartition(".")
            if role and kind == ELIGIBLE:
                for line in str(lines).splitlines():
                    group, approvers, longest, ticket, *_ = [*line.split("\t"), "", "", ""]
                    asking = _bindings(objects, name.namespace, f"{role}:{names.ASK}", group)
                    agreeing = _bindings(objects, name.namespace, f"{role}:{names.APPROVE}", approvers)
                    because = find_because(asking[0]) if asking else find_because(body)
                    by = (name, *map(Name.of, (*asking, *agreeing)))
                    yield Eligibility(
                        group, role, place, int(longest) if longest.isdecimal() else None, approvers, bool(ticket), by, because
                    )


def find_held_roles(objects: Objects) -> Iterator[HeldRole]:
    """Every grant that somebody has agreed to. One that is only asked for has no subjects, and gives nothing."""
    for body in objects.bodies:
        metadata = body["metadata"]
        if not is_grant(body):
            continue
        namespace, notes = str(metadata.get("namespace") or ""), metadata.get("annotations") or {}
        place, role = objects.segments.get(namespace, namespace), str((body.get("roleRef") or {}).get("name"))
        end = _END.fullmatch(str(metadata["labels"].get(names.CLEANUP)))
        until = ":".join(end.groups()) if end else None
        reason, ticket, approver = (str(notes.get(key, "")) for key in (names.REASON, names.TICKET, names.APPROVED_BY))
        for subject in body.get("subjects") or ():
            who = say_subject(subject, namespace)
            yield HeldRole(who, role, place, until, reason, ticket, approver, (Name.of(body),), find_because(body))


def is_grant(body: Object) -> bool:
    """Whether a RoleBinding is one that somebody holds, or asks for, for a while."""
    return body["kind"] == "RoleBinding" and names.GRANT in (body["metadata"].get("labels") or {})


def say_seconds(seconds: int | None) -> str:
    """`4h`, `90m`, `45s`."""
    if seconds is None:
        return "a time that is not understood"
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def _bindings(objects: Objects, namespace: str, role: str, group: str) -> list[Object]:
    return [
        body
        for body in objects.bindings.get((namespace, role), ())
        if any(subject.get("kind") == "Group" and subject.get("name") == group for subject in body.get("subjects") or ())
    ]
