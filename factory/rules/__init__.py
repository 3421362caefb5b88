"""What must hold across the fields of a spec, checked before anything is planned: one rule a file, one folder for each concept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from functools import cache
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from factory.errors import Finding, Severity
from factory.spec import Factory

from .rule import Problem, Rule, Subject
from .waiver.waivers import Waivers

__all__ = ["FOLDERS", "Problem", "Rule", "all_rules", "check", "find_dangling", "rules_of", "used"]

REFERENCES, WAIVERS = "reference", "waiver"
FOLDERS = (REFERENCES, "network", "data", "pool", "access", "cluster", "identity", "trust", "keys", "registry", "signer", WAIVERS)
"""The folders of rules, by the ids of what is in them."""


@cache
def rules_of(folder: str) -> tuple[Rule[Any], ...]:
    """The rules of a folder, by id: a file with one is all that it takes."""
    names = (file.stem for file in Path(__file__).with_name(folder).glob("[a-z]*.py"))
    modules = [import_module(f"{__name__}.{folder}.{name}") for name in names]
    rules = [value for module in modules for value in vars(module).values() if isinstance(value, Rule)]
    return tuple(sorted(rules, key=lambda rule: rule.id))


def all_rules() -> tuple[Rule[Any], ...]:
    """Every rule over a spec, by id."""
    return tuple(chain.from_iterable(map(rules_of, FOLDERS)))


def used(factory: Factory) -> tuple[str, ...]:
    """The folders of what a spec has: a third of all rules is about what most do not have, and is not even read for them."""
    absent = {"identity"} if factory.identity is None else set()
    absent |= {"trust", "keys"} if factory.keys is None else set()
    absent |= {"registry"} if factory.registry is None else set()
    return tuple(folder for folder in FOLDERS if folder not in absent)


def find_dangling(factory: Factory, dropped: Collection[tuple[str, str]] = ()) -> tuple[Finding, ...]:
    """What the reference rules find, in a factory that may be incomplete.

    `dropped` holds list and name of what was left out of it because of other errors, such as `("pools", "h100")`: references to these are
    not reported again.
    """
    return _sorted(finding for rule in rules_of(REFERENCES) for finding in _findings(factory, rule, factory, dropped))


def check(factory: Factory, now: date) -> tuple[Finding, ...]:
    """Every finding, waived ones left out, errors first, then by path.

    `now`, a moment in UTC or at least a day, decides which waivers still hold and which grants are over. While references dangle,
    only these are reported: the other rules follow references.
    """
    if dangling := find_dangling(factory):
        return dangling
    rules = [rule for folder in used(factory) if folder not in (REFERENCES, WAIVERS) for rule in rules_of(folder)]
    found = tuple(finding for rule in rules for finding in _findings(factory, rule, rule.subject(factory, now)))
    if not factory.waivers:
        return _sorted(found)
    waivable = {rule.id: rule.waivable for rule in all_rules()}
    waivers = Waivers(factory.waivers, found, waivable, now.date() if isinstance(now, datetime) else now)
    about = (finding for rule in rules_of(WAIVERS) for finding in _findings(factory, rule, waivers))
    return _sorted(chain(waivers.unwaived(), about))


def _findings(factory: Factory, rule: Rule[Subject], subject: Subject, dropped: Collection[tuple[str, str]] = ()) -> Iterator[Finding]:
    for problem in rule(subject):
        if problem.missing is None or problem.missing not in dropped:
            severity, fix = rule.severity[factory.posture], problem.fix or rule.fix
            yield Finding(rule.id, problem.path, problem.problem, fix, severity, problem.value, problem.allowed)


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.severity is not Severity.ERROR, finding.path, finding.id)))
