"""`factory drill`: what people, programs and CI see of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from factory.errors import did_you_mean, listed
from factory.load import load_stack
from factory.plan import Body, names, plan_factory
from factory.review.audit.live import Cluster, ClusterError, connect

from .attack import Identity, Request, Tactic, Trial
from .drill import Outcome, Result, drill, find_trials
from .ground import Ground
from .present import as_json, as_junit, as_list, as_text, list_json
from .tactic import TACTICS

CLEAN, FAILED, USAGE, LET_THROUGH = 0, 1, 2, 3

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def run(options: argparse.Namespace) -> int:
    """Runs the command and returns its exit code. Raises ClusterError where a drill cannot be held, SpecError for the stack."""
    tactics, unknown = _chosen(options.only)
    if unknown:
        print(f"factory drill: {unknown}", file=sys.stderr)
        return USAGE
    if options.list and options.format == "junit":
        print("factory drill: --list is no result: leave out --list, or --format junit", file=sys.stderr)
        return USAGE
    factory = load_stack(options.stack).factory
    plan = plan_factory(factory)
    if options.list:
        trials = find_trials(_imagined(Ground(factory, plan)), tactics)
        for line in [list_json(trials)] if options.format == "json" else as_list(trials):
            print(line)
        return CLEAN
    with connect(options.context or factory.cluster.context) as cluster:
        start = time.monotonic()
        results = hold_drill(cluster, Ground(factory, plan), tactics)
        seconds = time.monotonic() - start
    stack, context = str(options.stack), cluster.context
    if options.format == "json":
        print(as_json(stack, context, seconds, results))
    elif options.format == "junit":
        print(as_junit(stack, seconds, results))
    else:
        for line in as_text(results):
            print(line)
    outcomes = {result.outcome for result in results}
    return LET_THROUGH if Outcome.LET_THROUGH in outcomes else FAILED if Outcome.NOT_PROVEN in outcomes else CLEAN


def hold_drill(cluster: Cluster, ground: Ground, tactics: Sequence[Tactic]) -> list[Result]:
    """The drill in one cluster, with the pods that run there now. Raises ClusterError: it cannot be held."""
    _become(cluster, _imagined(ground), tactics)
    ground = Ground(ground.factory, ground.plan, _running(cluster, ground))
    return drill(ground, tactics, lambda request: _send(cluster, request))


def _chosen(only: Sequence[str]) -> tuple[list[Tactic], str]:
    known = {tactic.name.lower(): tactic for tactic in TACTICS}
    for name in only:
        if name.lower() not in known:
            hint = did_you_mean(name.lower(), known) or f"There are: {listed(known, limit=40)}."
            return [], f'there is no tactic "{name}". {hint}'
    chosen = {name.lower() for name in only}
    return [tactic for tactic in TACTICS if not only or tactic.name.lower() in chosen], ""


def _imagined(ground: Ground) -> Ground:
    """The ground as it is where pods run."""
    pods = {ground.namespace(workload): ground.carry("Pod", workload) for workload in ground.workloads[:1]}
    return Ground(ground.factory, ground.plan, pods)


def _become(cluster: Cluster, ground: Ground, tactics: Sequence[Tactic]) -> None:
    """Whether the caller may play everybody. Raises ClusterError, naming all whom it may not."""
    trials = [trial for _, _, trial in find_trials(ground, tactics) if isinstance(trial, Trial)]
    requests = [request for trial in trials for request in (trial.request, trial.twin) if request]
    played = {(it.user, it.groups): it for it in [ground.administrator, *(request.by for request in requests)]}
    refused = [identity for identity in played.values() if not _plays(cluster, identity)]
    if refused:
        whom = (" in ".join((f'user "{it.user}"', *(f'group "{group}"' for group in it.groups))) for it in refused)
        raise ClusterError(
            f'context "{cluster.context}" may not impersonate {listed(whom, limit=40)}. For the time of the drill, bind its user to the '
            f"ClusterRole {names.cluster_wide(ground.factory.name, 'driller')} of the plan."
        )


def _plays(cluster: Cluster, identity: Identity) -> bool:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    status, answer = _send(cluster, Request(identity, "POST", REVIEW, body, review=True))
    if status == 403:
        return False
    seen = answer.get("status", {}).get("userInfo", {}).get("username") if isinstance(answer, dict) else None
    if seen != identity.user:
        raise ClusterError(f'context "{cluster.context}": whoever impersonates "{identity.user}" is "{seen}" (HTTP {status})')
    return True


def _running(cluster: Cluster, ground: Ground) -> dict[str, Body]:
    """One running pod in each segment that has one. Raises ClusterError where the factory is not in the cluster."""
    who = ground.administrator
    segments = sorted(names.namespace(ground.factory.name, segment.name) for segment in ground.factory.segments)
    status, answer = _send(cluster, _get(who, f"/api/v1/namespaces/{segments[0]}"))
    if status >= 300 or answer["metadata"].get("labels", {}).get(names.FACTORY) != ground.factory.name:
        why = "" if status in (200, 404) else f" (HTTP {status}: {answer.get('message', '')})"
        raise ClusterError(
            f'context "{cluster.context}": factory {ground.factory.name} is not there: no namespace {segments[0]} with its label{why}. '
            "Build it with pulumi up, or name another context."
        )
    found: dict[str, Body] = {}
    _, answer = _send(
        cluster, _get(who, f"/api/v1/pods?labelSelector={quote(names.WORKLOAD)}&fieldSelector=status.phase%3DRunning&limit=500")
    )
    for pod in answer.get("items", ()):
        if pod["metadata"]["namespace"] in segments and "deletionTimestamp" not in pod["metadata"]:
            found.setdefault(pod["metadata"]["namespace"], {"apiVersion": "v1", "kind": "Pod", **pod})
    return found


def _get(by: Identity, path: str) -> Request:
    return Request(by, "GET", path, review=True)


def _send(cluster: Cluster, request: Request) -> tuple[int, Any]:
    content = None if request.body is None else json.dumps(request.body).encode()
    headers = [("Content-Type", request.content_type), *request.by.headers]
    answer = cluster.send(request.method, request.path, params=dict(request.query or {}), content=content, headers=headers)
    try:
        return answer.status_code, json.loads(answer.content)
    except ValueError:
        return answer.status_code, {"message": answer.text[:200]}
