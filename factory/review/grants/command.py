"""`factory grant`, `approve`, `grants` and `revoke`: what people see of them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from factory.load import load_stack
from factory.plan import Body, names
from factory.plan.grant import RBAC
from factory.review.audit.live import Cluster, ClusterError, connect
from factory.spec import Factory

from .holding import Holding, State, find_holdings, show_moment, show_span
from .request import RefusedError, plan_approval, plan_request

CLEAN, FAILED, OVERDUE = 0, 1, 3

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
POLL = 2.0
"""Seconds between two looks at whether somebody has agreed."""


def grant(options: argparse.Namespace) -> int:
    """Asks for a role, and waits until somebody agrees."""
    return _run(options, _grant)


def approve(options: argparse.Namespace) -> int:
    """Agrees that somebody holds what they asked for."""
    return _run(options, _approve)


def revoke(options: argparse.Namespace) -> int:
    """Takes grants away."""
    return _run(options, _revoke)


def grants(options: argparse.Namespace) -> int:
    """Who holds, or asks for, what until when. 3 where something is past its end."""
    return _run(options, _grants)


def _run(options: argparse.Namespace, act: Callable[[Cluster, Factory, argparse.Namespace], int]) -> int:
    factory = load_stack(options.stack).factory
    with connect(options.context or factory.cluster.context) as cluster:
        try:
            return act(cluster, factory, options)
        except RefusedError as error:
            print(f"factory: {error}", file=sys.stderr)
            return FAILED


def _grant(cluster: Cluster, factory: Factory, options: argparse.Namespace) -> int:
    user, groups = who_am_i(cluster)
    span = timedelta(seconds=options.span)
    wanted = (options.role, options.segment, span, options.reason, options.ticket)
    body = plan_request(factory, user, groups, *wanted, _now())
    asked = next(find_holdings(factory, [cluster.create(body)]))
    if asked.state(_now()) is State.ASKED and options.format == "text":
        print(f"{user} asks for {asked.role} in {asked.segment} for {show_span(span)}: {asked.reason}")
        print(
            "One of the approvers agrees with:\n"
            f"  factory approve {options.stack} --user {user} --role {asked.role} --segment {asked.segment}"
        )
    if asked.state(_now()) is State.ASKED and options.wait:
        found = _await(cluster, factory, asked)
        if found is None:
            raise RefusedError(f"nobody agreed: what {user} asked for is gone.")
        asked = found
    _show([asked], options)
    return CLEAN


def _await(cluster: Cluster, factory: Factory, asked: Holding) -> Holding | None:
    """The grant when somebody has agreed; None when it is over or was taken away."""
    seen = sys.stderr.isatty()
    try:
        while (left := asked.left(_now())) is not None and left > timedelta():
            found = next(find_holdings(factory, cluster.get(asked.body)), None)
            if found is None or found.state(_now()) is State.HELD:
                return found
            if seen:
                print(f"\rwaiting for somebody to agree, {show_span(left)} left \033[K", end="", file=sys.stderr, flush=True)
            time.sleep(POLL)
        return None
    finally:
        if seen:
            print("\r\033[K", end="", file=sys.stderr)


def _approve(cluster: Cluster, factory: Factory, options: argparse.Namespace) -> int:
    user, groups = who_am_i(cluster)
    asked = _find(cluster, factory, options.user, options.role, options.segment)
    held = cluster.replace(plan_approval(factory, asked, user, groups, _now()))
    _show(list(find_holdings(factory, [held])), options)
    return CLEAN


def _revoke(cluster: Cluster, factory: Factory, options: argparse.Namespace) -> int:
    if options.overdue:
        found, _ = look(cluster, factory)
        gone = [holding for holding in found if holding.state(_now()) is State.OVERDUE]
    else:
        user = options.user or who_am_i(cluster)[0]
        gone = [_find(cluster, factory, user, options.role, options.segment)]
    for holding in gone:
        cluster.delete(holding.body)
        if options.format == "text":
            print(f"{holding.user or 'nobody'} does not hold {holding.role} in {holding.segment} any more")
    if options.format == "json":
        print(json.dumps([as_json(holding, _now()) for holding in gone], indent=2))
    elif not gone:
        print("nothing is past its end")
    return CLEAN


def _grants(cluster: Cluster, factory: Factory, options: argparse.Namespace) -> int:
    while True:
        found, unseen = look(cluster, factory)
        if options.watch is not None and sys.stdout.isatty():
            print("\033[H\033[2J", end="")
        _show(found, options)
        if unseen and options.format == "text":
            print(f"not yours to see: {', '.join(unseen)}", file=sys.stderr)
        if options.watch is None:
            return OVERDUE if any(holding.state(_now()) is State.OVERDUE for holding in found) else CLEAN
        time.sleep(options.watch)


def who_am_i(cluster: Cluster) -> tuple[str, list[str]]:
    """User name and groups, as the API server knows them (KEP-3325)."""
    answer = cluster.post(REVIEW, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    info = answer["status"]["userInfo"]
    return info["username"], list(info.get("groups") or ())


def look(cluster: Cluster, factory: Factory) -> tuple[list[Holding], list[str]]:
    """Every grant that this identity may see, soonest end first, and the segments into which it may not look."""
    bindings: list[Body] = []
    unseen: list[str] = []
    for segment in sorted(factory.segment):
        path = f"/apis/{RBAC}/v1/namespaces/{names.namespace(factory.name, segment)}/rolebindings"
        answer = cluster.send("GET", path, params={"labelSelector": names.GRANT})
        if answer.status_code == 403:
            unseen.append(segment)
        else:
            listed = cluster.read(answer, "GET", path)["items"]
            bindings.extend({"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", **item} for item in listed)
    if len(unseen) == len(factory.segment):
        raise ClusterError(f'context "{cluster.context}" may not list RoleBindings in any segment of factory {factory.name}.')
    return sorted(find_holdings(factory, bindings), key=lambda holding: (holding.expires or _EVER, holding.user, holding.role)), unseen


def as_json(holding: Holding, now: datetime) -> dict[str, Any]:
    """One grant for programs: camelCase keys, absent ones null."""
    left = holding.left(now)
    return {
        "user": holding.user,
        "role": holding.role,
        "segment": holding.segment,
        "state": holding.state(now).value,
        "expiresAt": show_moment(holding.expires) if holding.expires else None,
        "secondsLeft": None if left is None else int(left.total_seconds()),
        "reason": holding.reason,
        "ticket": holding.ticket or None,
        "approver": holding.approver or None,
    }


def _find(cluster: Cluster, factory: Factory, user: str, role: str, segment: str) -> Holding:
    if segment not in factory.segment:
        raise RefusedError(f"{segment} is not one of the factory's segments.")
    metadata = {"name": names.held(role, user), "namespace": names.namespace(factory.name, segment)}
    body = {"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", "metadata": metadata}
    found = next(find_holdings(factory, cluster.get(body)), None)
    if found is None:
        raise RefusedError(f"{user} neither holds {role} in {segment} nor asks for it. `factory grants` says who does.")
    return found


def _show(holdings: Sequence[Holding], options: argparse.Namespace) -> None:
    if options.format == "json":
        print(json.dumps([as_json(holding, _now()) for holding in holdings], indent=2))
    else:
        for line in as_table(holdings, _now()):
            print(line)


def as_table(holdings: Sequence[Holding], now: datetime) -> Iterator[str]:
    """A line for each grant, in columns."""
    rows = [("USER", "ROLE", "SEGMENT", "STATE", "UNTIL", "LEFT", "APPROVER", "REASON")]
    for holding in holdings:
        left = holding.left(now)
        until = (show_moment(holding.expires), show_span(left)) if holding.expires and left is not None else ("no end", "-")
        reason = f"{holding.reason} ({holding.ticket})" if holding.ticket else holding.reason
        who = (holding.user or "nobody", holding.role, holding.segment, holding.state(now).value)
        rows.append((*who, *until, holding.approver or "-", reason))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if len(rows) == 1:
        yield "nobody holds, or asks for, a role for a while"
        return
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


_EVER = datetime.max.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)
