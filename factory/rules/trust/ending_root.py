"""Roots that end before what they would sign today."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule

from .roots import Roots, certificates


@rule(
    "ZT710",
    "A root is rotated before its intermediates would outlive it",
    why="From now on each new intermediate ends with the root and not when it says. What is not rotated in time ends everywhere at once.",
    fix="Have the next root made and name it as `keys.root.next`: both are trusted until every intermediate is signed by it.",
    references=(controls.TENET_5, controls.TENET_7),
    severity=WARNED,
    over=Roots,
)
def find_ending_roots(roots: Roots) -> Iterator[Problem]:
    known = dict(certificates(roots.factory))
    last = next((known[path] for path in ("keys.root.next", "keys.root.certificate") if path in known), None)
    if last is None or last.not_valid_after_utc <= roots.earliest:
        return
    if roots.earliest + roots.intermediate_life > last.not_valid_after_utc:
        path = "keys.root.next" if "keys.root.next" in known else "keys.root.certificate"
        yield Problem(path, f"ends on {last.not_valid_after_utc:%Y-%m-%d}, before an intermediate that it signs today")
