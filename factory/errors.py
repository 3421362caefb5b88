"""What can be wrong, in one form: a finding names the place, the value, what is allowed and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs: an `Error` refuses the spec, a `Warning` does not."""

    ERROR = "Error"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem in a spec.

    `id` is stable (`ZT103`), `path` is a spec path in names, not positions (`workloads[training/trainer].pool`). `value` is never one that
    could be a secret. `line` is 1-based and known only when the spec was read from a file.
    """

    id: str
    path: str
    problem: str
    fix: str
    severity: Severity = Severity.ERROR
    value: str | None = None
    allowed: str | None = None
    line: int | None = None

    def at(self, line: int | None) -> Finding:
        """The same finding, placed on a line of its file."""
        return replace(self, line=line)

    def __str__(self) -> str:
        value = "" if self.value is None else f", not {self.value}" if self.allowed else f" (value: {self.value})"
        allowed = "" if self.allowed is None else f"; allowed: {self.allowed}"
        return f"{self.id} {self.path}: {self.problem}{allowed}{value}. {self.fix}"


class SpecError(Exception):
    """A spec that cannot be used. `findings` holds every problem that was found, not only the first."""

    def __init__(self, findings: Iterable[Finding], source: str = "spec") -> None:
        self.findings = tuple(findings)
        self.source = source
        lines = (f"  line {finding.line}: {finding}" if finding.line else f"  {finding}" for finding in self.findings)
        super().__init__("\n".join([f"{source}: {len(self.findings)} problem(s)", *lines]))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that offers the nearest known word, or nothing: `did_you_mean("trainig", ["training"])` is `Did you mean "training"?`."""
    from difflib import get_close_matches  # nobody without a mistake pays for it

    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else ""


def listed(words: Iterable[str], limit: int = 12) -> str:
    """The words in one line, cut with a count: `a, b, c and 4 more`; `none` for no words."""
    ordered = sorted(set(words))
    if not ordered:
        return "none"
    rest = len(ordered) - limit
    return ", ".join(ordered[:limit]) + (f" and {rest} more" if rest > 0 else "")
