"""The drill: every attack on one ground, sent, and what stopped each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from .attack import LIMITS, POD_SECURITY, QUOTA, RBAC, Attack, Lacking, Request, Tactic, Trial
from .ground import Ground

AT_ONCE = 8
"""Requests under way at the same time."""


class Outcome(StrEnum):
    """How an attack went."""

    REFUSED = "refused"
    """By the control that it was meant for, and its benign twin was admitted."""
    LET_THROUGH = "let through"
    """Nothing refused it."""
    NOT_PROVEN = "not proven"
    """It was refused, but by something else, or its benign twin was refused too: it says nothing about the control."""
    DOES_NOT_APPLY = "does not apply"
    """The stack has nothing that it is after."""


class Answer(NamedTuple):
    """What the API server said to a request."""

    admitted: bool
    control: str
    """What refused it; empty where it was admitted, or where nothing known refused it."""
    message: str
    """The API server's own words; empty where it was admitted."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one attack went."""

    tactic: Tactic
    attack: Attack
    outcome: Outcome
    control: str = ""
    """What refused it."""
    message: str = ""
    """Why it did not apply, why it is not proven, or the words of the refusal."""
    trial: Trial | None = None


LAST = (QUOTA, "ZG19", "ZG20")
"""What is asked when everything else has admitted a request (Kubernetes: the order of its admission plugins)."""

Send = Callable[[Request], tuple[int, Any]]
"""Sends a request; returns the HTTP status and the answer's JSON."""


def find_trials(ground: Ground, tactics: Iterable[Tactic]) -> list[tuple[Tactic, Attack, Trial | Lacking]]:
    """Every attack of the tactics, as it is on this ground, or what the ground lacks for it."""
    return [(tactic, attack, _trial(attack, ground)) for tactic in tactics for attack in tactic.attacks]


def drill(ground: Ground, tactics: Iterable[Tactic], send: Send) -> list[Result]:
    """Sends every attack and its twin, each request once. `send` is called from several threads."""
    trials = find_trials(ground, tactics)
    requests: dict[str, Request] = {}
    for _, _, trial in trials:
        if isinstance(trial, Trial):
            requests |= {_key(request): request for request in (trial.request, trial.twin) if request}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answered = pool.map(lambda request: read_answer(request, *send(request)), requests.values())
        answers = dict(zip(requests, answered, strict=True))
    return [_judge(tactic, attack, trial, answers) for tactic, attack, trial in trials]


def _trial(attack: Attack, ground: Ground) -> Trial | Lacking:
    try:
        return attack.trial(ground)
    except Lacking as lacking:
        return lacking


def _key(request: Request) -> str:
    return json.dumps([request.by.user, request.by.groups, request.method, request.path, request.body, request.query], sort_keys=True)


def _judge(tactic: Tactic, attack: Attack, trial: Trial | Lacking, answers: dict[str, Answer]) -> Result:
    if isinstance(trial, Lacking):
        return Result(tactic, attack, Outcome.DOES_NOT_APPLY, message=str(trial))
    answer = answers[_key(trial.request)]
    twin = answers[_key(trial.twin)] if trial.twin else None
    if answer.admitted:
        return Result(tactic, attack, Outcome.LET_THROUGH, trial=trial)
    if answer.control not in attack.controls:
        why = f"{attack.control} should refuse it, and {answer.control or 'something else'} did: {answer.message}"
        return Result(tactic, attack, Outcome.NOT_PROVEN, answer.control, why, trial)
    # Signatures are asked for after everything else, and quota is counted last: that a twin's image is not in the registry, or that its
    # segment is full, does not spoil a drill.
    if twin and not twin.admitted and (twin.control not in LAST or twin.control in attack.controls):
        return Result(tactic, attack, Outcome.NOT_PROVEN, answer.control, f"its benign twin was refused too: {twin.message}", trial)
    return Result(tactic, attack, Outcome.REFUSED, answer.control, answer.message, trial)


_SIGNS: Sequence[tuple[str, str]] = (
    (r"denied request: (ZG\d\d): ", r"\1"),
    (r"ValidatingAdmissionPolicy '([^']+)'", r"policy \1"),
    (r"Policy \S+-zg(\d\d)-\S+ (?:failed|error): ", r"ZG\1"),
    (r"admission webhook \"([^\"]+)\"", r"webhook \1"),
    (r"violates PodSecurity ", POD_SECURITY),
    (r"exceeded quota: ", QUOTA),
    (r"(?:maximum|minimum) \S+ usage per (?:Container|Pod) is ", LIMITS),
    (r"[Uu]ser \"[^\"]*\" cannot \S+ resource |not currently held|is not allowed to bind", RBAC),
)
"""How the API server's words tell what refused a request (Kubernetes 1.36)."""


def read_answer(request: Request, status: int, content: Any) -> Answer:
    """Who refused a request, or that it was admitted."""
    content = content if isinstance(content, dict) else {}
    if request.review and status < 300:
        allowed = content.get("status", {}).get("allowed") is True
        return Answer(allowed, "" if allowed else RBAC, "" if allowed else "may not, says the review of their rights")
    if status < 300 or (request.nobody and status == 404):
        return Answer(True, "", "")
    message = str(content.get("message", f"HTTP {status}"))
    for sign, control in _SIGNS:
        if found := re.search(sign, message):
            return Answer(False, found.expand(control), message)
    return Answer(False, "API validation" if status in (400, 422) else "", message)
