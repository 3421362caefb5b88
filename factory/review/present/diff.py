"""A diff in trust as text, as Markdown for a pull request, and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

from factory.errors import Finding, Severity
from factory.review.diff import Change, Diff, Effect

COMMENT_LIMIT = 60_000
"""Characters of one comment: GitHub takes 65,536, and the preview stands below."""
CELL_LIMIT = 1_000
"""Characters of one cell, so that no single row can push out the others."""

HEADINGS = {
    Effect.WIDENS: "Widens trust",
    Effect.UNKNOWN: "Not understood, so taken for wider",
    Effect.NARROWS: "Narrows trust",
    Effect.NEUTRAL: "Neutral",
}
_SIGNS = {Effect.WIDENS: "+", Effect.UNKNOWN: "?", Effect.NARROWS: "-", Effect.NEUTRAL: "="}


def as_text(diff: Diff) -> Iterator[str]:
    """The verdict, then what rules find, then the changes, worst first."""
    yield f"{diff.old} -> {diff.new}: {diff.verdict}{_counts(diff)}"
    if diff.found:
        yield "\nRules find"
        for finding in diff.found:
            yield f"  ! {_say(finding, diff.new)}"
            yield f"      fix {finding.fix}"
    for effect, topic, changes in _groups(diff.changes):
        yield f"\n{HEADINGS[effect]}: {topic[0].lower()}{topic[1:]}"
        for change in changes:
            yield f"  {_SIGNS[effect]} {change.said}"
            for because, place in zip(change.because, change.places, strict=True):
                yield f"      because {because.reason}  ({place} {because.path})"
    if diff.mended:
        yield "\nRules no longer find"
        for finding in diff.mended:
            yield f"  - {_say(finding, diff.old)}"


def as_markdown(diff: Diff, limit: int = COMMENT_LIMIT) -> Iterator[str]:
    """Tables for a comment of at most `limit` characters: what does not fit is counted, never cut in the middle."""
    head = [f"**{diff.verdict}**{_counts(diff)}: {escape(diff.old)} → {escape(diff.new)}"]
    left = limit - len(head[0]) - 200  # room for the last line
    yield from head
    tables = list(_tables(diff))
    shown = 0
    for heading, columns, rows in tables:
        opening = ["", f"#### {heading}", "", _row(columns), _row(["---"] * len(columns))]
        room = left - sum(len(line) + 1 for line in opening)
        lines = []
        for row in rows:
            line = _row(map(_cell, row))
            if len(line) + 1 > room:
                break
            room -= len(line) + 1
            lines.append(line)
        if lines:
            yield from opening + lines
            shown, left = shown + len(lines), room
        if len(lines) < len(rows):
            break
    if rest := sum(len(rows) for _, _, rows in tables) - shown:
        yield f"\n{rest} more, none worse than these, do not fit here: run `factory diff` to see them."


def _tables(diff: Diff) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    """Heading, columns and rows of each table, worst first."""
    if diff.found:
        yield "Rules find", ("what", "fix"), [(_say(finding, diff.new), finding.fix) for finding in diff.found]
    for effect, topic, changes in _groups(diff.changes):
        rows = [(change.said, _because(change)) for change in changes]
        yield f"{HEADINGS[effect]}: {topic[0].lower()}{topic[1:]}", ("what", "because"), rows
    if diff.mended:
        yield "Rules no longer find", ("what",), [(_say(finding, diff.old),) for finding in diff.mended]


def as_json(diff: Diff) -> str:
    """For programs."""
    data = {
        "old": diff.old,
        "new": diff.new,
        "verdict": diff.verdict,
        "widens": diff.widens,
        "renamed": [{"from": was, "to": becomes} for was, becomes in diff.renamed],
        "changes": [
            {
                "effect": change.effect.value,
                "topic": change.topic.value,
                "weight": change.weight.name.lower(),
                "said": change.said,
                "because": [
                    {"path": because.path, "reason": because.reason, "place": place}
                    for because, place in zip(change.because, change.places, strict=True)
                ],
                "by": [str(name) for name in change.by],
            }
            for change in diff.changes
        ],
        "found": [asdict(finding) for finding in diff.found],
        "mended": [asdict(finding) for finding in diff.mended],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def escape(text: str) -> str:
    """Text that means nothing to GitHub's Markdown: no markup, no HTML, no table cell, no mention, no reference, no link."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]#!|~$])", r"\\\1", text)
    # A zero-width space: GitHub finds mentions, issue numbers and addresses in the finished text, where an escape no longer shows.
    return re.sub(r"(@|\\#|://|www\.|GH-)", lambda match: match[0] + "\u200b", text)


def _say(finding: Finding, source: str) -> str:
    value = f": {finding.value}" if finding.value else ""
    place = f"{source}:{finding.line}" if finding.line else source
    return f"{finding.severity.value.lower()} {finding.id}: {finding.path} {finding.problem}{value}  ({place})"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return escape(text if len(text) <= CELL_LIMIT else f"{text[: CELL_LIMIT - 1]}…")


def _because(change: Change) -> str:
    said = (f"{because.reason} ({place} {because.path})" for because, place in zip(change.because, change.places, strict=True))
    return "; ".join(said)


def _counts(diff: Diff) -> str:
    words = {Effect.WIDENS: "widen", Effect.UNKNOWN: "not understood", Effect.NARROWS: "narrow", Effect.NEUTRAL: "neutral"}
    counted = [(sum(change.effect is effect for change in diff.changes), word) for effect, word in words.items()]
    for severity in Severity:
        count = sum(finding.severity is severity for finding in diff.found)
        counted.append((count, f"new {severity.value.lower()}{'s' if count > 1 else ''}"))
    counted.append((len(diff.mended), "mended"))
    said = ", ".join(f"{count} {word}" for count, word in counted if count)
    return f" ({said})" if said else " (no change)"


def _groups(changes: Sequence[Change]) -> Iterator[tuple[Effect, str, list[Change]]]:
    """By effect, then by topic in the order of its worst change."""
    for effect, of_effect in groupby(changes, key=lambda change: change.effect):
        by_topic: dict[str, list[Change]] = {}
        for change in of_effect:
            by_topic.setdefault(change.topic.value, []).append(change)
        for topic, found in by_topic.items():
            yield effect, topic, found
