"""A rule: what it finds, how much that weighs, why it matters, how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, NamedTuple, TypeVar, cast

from factory.errors import Severity
from factory.spec import Factory, Posture

Subject = TypeVar("Subject")

REFUSED: Mapping[Posture, Severity] = {Posture.PRODUCTION: Severity.ERROR, Posture.DEVELOPMENT: Severity.ERROR}
"""Unsafe or impossible anywhere."""
REFUSED_IN_PRODUCTION: Mapping[Posture, Severity] = {Posture.PRODUCTION: Severity.ERROR, Posture.DEVELOPMENT: Severity.WARNING}
"""Bearable while one builds."""
WARNED: Mapping[Posture, Severity] = {Posture.PRODUCTION: Severity.WARNING, Posture.DEVELOPMENT: Severity.WARNING}
"""Probably not meant."""


class Problem(NamedTuple):
    """One place where a rule does not hold. The rule adds its id, severity and fix."""

    path: str
    """Spec path in names, the same as long as the things that it names are: waivers match it."""
    problem: str
    """What is wrong, to be read behind the path."""
    value: str | None = None
    """The value that is wrong."""
    allowed: str | None = None
    """What would be right."""
    fix: str | None = None
    """A fix for just this place. Default: the rule's."""
    missing: tuple[str, str] | None = None
    """List and name of the thing that a reference does not find, such as `("pools", "h100")`."""


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject]):
    """A cross-field check. Calling it yields every place of its subject where it does not hold."""

    id: str
    """`ZT` and three digits, never used again for another rule."""
    title: str
    """What must hold, in one line."""
    severity: Mapping[Posture, Severity]
    """What a problem weighs, by posture."""
    why: str
    """What an attacker, or an accident, gets where it does not hold."""
    fix: str
    """What to do."""
    references: tuple[str, ...]
    """Ids of `factory.plan.controls`."""
    waivable: bool
    """Whether a waiver may silence it: not where the plan would be wrong or refused by the cluster."""
    over: type[Any]
    """What it looks at: the factory; what the class method `at` makes of one at a moment; or what the check of it is called with."""
    find: Callable[[Subject], Iterator[Problem]]
    """The check."""

    @property
    def concept(self) -> str:
        """What it finds, as its file is called: `backward_flow`."""
        return self.find.__module__.rpartition(".")[2]

    def subject(self, factory: Factory, now: date) -> Subject:
        """What it looks at, of a factory at a moment."""
        return cast(Subject, factory if self.over is Factory else self.over.at(factory, now))

    def __call__(self, subject: Subject) -> Iterator[Problem]:
        return self.find(subject)


def rule(
    id: str,
    title: str,
    *,
    why: str,
    fix: str,
    references: tuple[str, ...],
    severity: Mapping[Posture, Severity] = REFUSED,
    waivable: bool = True,
    over: type[Any] = Factory,
) -> Callable[[Callable[[Subject], Iterator[Problem]]], Rule[Subject]]:
    """Makes a rule of a `find_*` function. Default: over the factory, refused in every posture, waivable."""

    def decorate(find: Callable[[Subject], Iterator[Problem]]) -> Rule[Subject]:
        return Rule(id, title, severity, why, fix, references, waivable, over, find)

    return decorate
