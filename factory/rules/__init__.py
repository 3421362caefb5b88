"""What must hold across the fields of a spec: one rule a file, checked before anything is planned."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from factory.errors import Finding, Severity
from factory.spec import Factory

from .backward_flow import find_backward_flows
from .dangling_listener import find_dangling_listeners
from .dangling_peer import find_dangling_peers
from .dangling_segment import find_dangling_segments
from .dangling_workload import find_dangling_workloads
from .duplicate_name import find_duplicate_names
from .exposed_data import find_exposed_data
from .missing_gpu_quota import find_missing_gpu_quotas
from .rule import Problem, Rule, Subject

__all__ = ["REFERENCE_RULES", "RULES", "Problem", "Rule", "check", "find_dangling"]

REFERENCE_RULES: tuple[Rule[Factory], ...] = (
    find_duplicate_names,
    find_dangling_segments,
    find_dangling_workloads,
    find_dangling_peers,
    find_dangling_listeners,
)
"""What every other rule, and the plan, relies on: names stand for one thing each, and each reference finds it."""

RULES: tuple[Rule[Factory], ...] = (
    *REFERENCE_RULES,
    find_backward_flows,
    find_exposed_data,
    find_missing_gpu_quotas,
)
"""Every rule over a factory, by id."""


def find_dangling(factory: Factory, dropped: Collection[tuple[str, str]] = ()) -> tuple[Finding, ...]:
    """What the reference rules find, in a factory that may be incomplete.

    `dropped` holds list and name of what was left out of it because of other errors, such as `("pools", "h100")`: references to these are
    not reported again.
    """
    return _sorted(finding for rule in REFERENCE_RULES for finding in _findings(factory, rule, factory, dropped))


def check(factory: Factory, today: date) -> tuple[Finding, ...]:
    """Every finding, waived ones left out, errors first, then by path.

    While references dangle, only these are reported: the other rules follow references.
    """
    if dangling := find_dangling(factory):
        return dangling
    return _sorted(finding for rule in RULES[len(REFERENCE_RULES) :] for finding in _findings(factory, rule, factory))


def _findings(factory: Factory, rule: Rule[Subject], subject: Subject, dropped: Collection[tuple[str, str]] = ()) -> Iterator[Finding]:
    for problem in rule(subject):
        if problem.missing is None or problem.missing not in dropped:
            severity, fix = rule.severity[factory.posture], problem.fix or rule.fix
            yield Finding(rule.id, problem.path, problem.problem, fix, severity, problem.value, problem.allowed)


def _sorted(findings: Iterator[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.severity is not Severity.ERROR, finding.path, finding.id)))
