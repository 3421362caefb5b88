"""What the rules about waivers look at: the waivers, and the findings that they are to silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from factory.errors import Finding
from factory.spec import Waiver


@dataclass(frozen=True)
class Waivers:
    """The waivers of a spec, beside all that its rules have found."""

    waivers: tuple[Waiver, ...]
    findings: tuple[Finding, ...]
    waivable: Mapping[str, bool]
    """Whether each rule may be waived, by id."""
    today: date

    @cached_property
    def valid(self) -> tuple[Waiver, ...]:
        """Those that may silence something: of a rule that may be waived, with a date that is not over."""
        return tuple(
            waiver
            for waiver in self.waivers
            if self.waivable.get(waiver.rule) and (expires := expiry(waiver)) is not None and expires >= self.today
        )

    @cached_property
    def found(self) -> frozenset[tuple[str, str]]:
        """Rule and path of every finding."""
        return frozenset((finding.id, finding.path) for finding in self.findings)

    def unwaived(self) -> Iterator[Finding]:
        """The findings that no waiver silences. One waiver silences one finding: rule and path are the same."""
        silenced = {(waiver.rule, waiver.path) for waiver in self.valid}
        return (finding for finding in self.findings if (finding.id, finding.path) not in silenced)


def expiry(waiver: Waiver) -> date | None:
    """The last day of a waiver, None where it is no date."""
    try:
        return date.fromisoformat(waiver.expires)
    except ValueError:
        return None
