"""What people send to the API server when they ask for a role, and when they agree. Pure: ZG17 is what holds them to it."""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from datetime import datetime, timedelta

from factory.errors import listed
from factory.plan import Body, names
from factory.plan.grant import RBAC, cleanup_time
from factory.spec import Factory

from .holding import Holding, State, find_eligibility, show_moment, show_span


class RefusedError(Exception):
    """What the API server would refuse, said before it is asked, with the fix."""


def plan_request(
    factory: Factory,
    user: str,
    groups: Collection[str],
    role: str,
    segment: str,
    span: timedelta,
    reason: str,
    ticket: str | None,
    now: datetime,
) -> Body:
    """The RoleBinding by which somebody asks for a role, without subjects; with themselves in it where nobody needs to agree.

    Raises RefusedError: there is no such segment, they are not eligible, it would last too long, or a ticket is missing.
    """
    if segment not in factory.segment:
        raise RefusedError(f"{segment} is not one of the factory's segments: {listed(factory.segment)}.")
    possible = find_eligibility(factory, role, segment)
    if not possible:
        roles = sorted({each.role for each in factory.eligibility if segment in each.segments})
        raise RefusedError(f"nobody is eligible for {role} in {segment}; for these somebody is: {listed(roles) or 'none'}.")
    terms = [each for each in possible if each.group in groups]
    if not terms:
        who = listed(each.group for each in possible)
        raise RefusedError(f"{user} is in none of the groups that are eligible for {role} in {segment}: {who}.")
    chosen = max(terms, key=lambda each: each.longest_seconds)
    if span > timedelta(seconds=chosen.longest_seconds):
        raise RefusedError(f"{show_span(span)} is too long: {role} in {segment} is held for at most {chosen.longest}.")
    if chosen.ticket and not ticket:
        raise RefusedError(f"{role} in {segment} asks for a ticket: name it with --ticket.")
    ends = show_moment(now + span)
    notes = {names.ELIGIBLE_AS: chosen.group, names.EXPIRES_AT: ends, names.REASON: reason, names.REQUESTED_BY: user}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": names.held(role, user),
            "namespace": names.namespace(factory.name, segment),
            "labels": {names.GRANT: "true", names.CLEANUP: cleanup_time(ends)},
            "annotations": notes | ({names.TICKET: ticket} if ticket else {}),
        },
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role},
        "subjects": [] if chosen.approvers else [_person(user)],
    }


def plan_approval(factory: Factory, holding: Holding, user: str, groups: Collection[str], now: datetime) -> Body:
    """The RoleBinding as it is when `user` agrees: exactly the one that was looked at, with who asked in it.

    Raises RefusedError: it is over or held already, it is one's own, or they may not agree to it.
    """
    state = holding.state(now)
    if state is State.HELD:
        raise RefusedError(f"{holding.user} holds {holding.role} in {holding.segment} already: {holding.approver or 'nobody'} agreed.")
    if state is State.OVERDUE:
        raise RefusedError(f"what {holding.user} asked for is over: let them ask again.")
    if holding.user == user:
        raise RefusedError("nobody agrees to a grant of their own: ask one of the approvers.")
    approvers = {each.approvers for each in find_eligibility(factory, holding.role, holding.segment) if each.approvers}
    if not approvers & set(groups):
        raise RefusedError(f"{user} is in none of the groups that agree to {holding.role} in {holding.segment}: {listed(approvers)}.")
    body = deepcopy(holding.body)
    body["metadata"]["annotations"][names.APPROVED_BY] = user
    body["subjects"] = [_person(holding.user)]
    return body


def _person(user: str) -> Body:
    return {"apiGroup": RBAC, "kind": "User", "name": user}
