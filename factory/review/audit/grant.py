"""Grants that people hold for a while: RoleBindings that no plan has, and that are right as long as the spec lets somebody hold them."""

from __future__ import annotations

from datetime import datetime, timedelta

from factory.plan import Body, names
from factory.spec import Factory


def is_grant(body: Body) -> bool:
    """Whether a RoleBinding says that it is a grant for a while."""
    return body["kind"] == "RoleBinding" and names.GRANT in body["metadata"].get("labels", {})


def is_over(body: Body, now: datetime) -> bool:
    """Whether a grant has ended. One that names no end that can be read has."""
    end = _moment(body["metadata"].get("annotations", {}).get(names.EXPIRES_AT))
    return end is None or end <= now


def explain_grant(factory: Factory, body: Body, now: datetime) -> str | None:
    """What is wrong with a live grant, in words; None for one that the spec's eligibility lets somebody hold.

    It is what ZG17 asks of those who write one, asked again of what is there: a grant may be older than its guardrail, or have got past it.
    """
    metadata = body["metadata"]
    written, role = metadata.get("annotations", {}), body["roleRef"]["name"]
    person, approver = written.get(names.REQUESTED_BY), written.get(names.APPROVED_BY)
    subjects = body.get("subjects") or []
    if is_over(body, now):
        return "a grant that is over, and still there"
    if metadata.get("finalizers") or metadata.get("ownerReferences"):
        return "a grant that something keeps from ending"
    segment = metadata["namespace"].removeprefix(f"{factory.name}-")
    terms = [
        each
        for each in factory.eligibility
        if (each.group, each.role) == (written.get(names.ELIGIBLE_AS), role)
        and segment in each.segments
        and body["roleRef"]["kind"] == "Role"
    ]
    if not terms:
        return "a grant that the spec makes nobody eligible for"
    start, end = _moment(metadata.get("creationTimestamp")), _moment(written[names.EXPIRES_AT])
    if start is None or end is None or all(end > start + timedelta(seconds=each.longest_seconds) for each in terms):
        return "a grant that lasts longer than the spec lets it"
    if subjects and subjects != [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": person}]:
        return "a grant that somebody else holds than who asked for it"
    if subjects and approver in (None, person) and all(each.approvers is not None for each in terms):
        return "a grant that nobody else has agreed to"
    return None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None
