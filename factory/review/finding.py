"""What a change does to the findings of the rules: those that it brings, and those that it mends."""

from __future__ import annotations

from datetime import date

from factory.errors import Finding, Severity
from factory.load import Stack
from factory.rules import check


def compare_findings(old: Stack | None, new: Stack | None, now: date) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What rules find in the new spec and did not, or did not refuse, in the old one; and what they found there only. Errors first.

    A finding is the same while rule and path are: one that only warns now, or is waived, is not mended. Without a spec there is none.
    """
    before, after = _findings(old, now), _findings(new, now)
    waived = {(waiver.rule, waiver.path) for waiver in new.factory.waivers} if new else set()
    found = [finding for key, finding in after.items() if key not in before or _refuses(finding) > _refuses(before[key])]
    return tuple(found), tuple(finding for key, finding in before.items() if key not in after and key not in waived)


def _findings(stack: Stack | None, now: date) -> dict[tuple[str, str], Finding]:
    found = stack.place(check(stack.factory, now)) if stack else ()
    return {(finding.id, finding.path): finding for finding in found}


def _refuses(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR
