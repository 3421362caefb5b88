"""What a change does to the findings of the rules: those that it brings, and those that it mends."""

from __future__ import annotations

from datetime import date

from factory.errors import Finding, Severity
from factory.rules import check

from .objects import Objects

Key = tuple[str, str, Severity]


def compare_findings(old: Objects, new: Objects, now: date) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings that only the new spec has, and those that only the old one had, at the same moment; errors first.

    A finding is the same while rule, path and severity are; one that is waived now is not mended. Objects without a spec, such as a
    rendered folder, have none to compare.
    """
    if any(side.stack is None and side.bodies for side in (old, new)):
        return (), ()
    before, after = _findings(old, now), _findings(new, now)
    waived = {(waiver.rule, waiver.path) for waiver in new.stack.factory.waivers} if new.stack else set()
    found = tuple(finding for key, finding in after.items() if key not in before)
    return found, tuple(finding for key, finding in before.items() if key not in after and (finding.id, finding.path) not in waived)


def _findings(objects: Objects, now: date) -> dict[Key, Finding]:
    if objects.stack is None:
        return {}
    found = objects.stack.place(check(objects.stack.factory, now))
    return {(finding.id, finding.path, finding.severity): finding for finding in found}
