"""What every rule says of itself, and the page made of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from factory.plan.controls import CONTROLS
from factory.review.proof import PROOF
from factory.rules import Rule, all_rules, rules_of
from factory.rules.__main__ import page

ROOT = Path(__file__).parents[2]
ALL = tuple(sorted((*all_rules(), *PROOF), key=lambda rule: rule.id))


def test_ids_are_unique_and_rise() -> None:
    """An id names one rule, and the registry is in the order in which docs and readers look for them."""
    ids = [rule.id for rule in ALL]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.concept)
def test_words(rule: Rule[object]) -> None:
    """A rule can be read without its code: what must hold, why, how to mend it, and whose demand it is."""
    assert re.fullmatch(r"ZT[0-9]{3}", rule.id)
    assert rule.title[-1] not in ".:", "a title is a line, not a sentence"
    assert len(rule.why.split()) >= 8
    assert rule.why.endswith(".")
    assert rule.fix.endswith(".")
    assert rule.references
    assert set(rule.references) <= set(CONTROLS)


def test_each_rule_is_registered() -> None:
    """A rule in a folder that nobody knows would be a guard who sleeps."""
    files = {file.stem for file in (ROOT / "factory/rules").rglob("*.py") if re.search(r"^@rule\(", file.read_text(), re.MULTILINE)}
    assert files == {rule.concept for rule in ALL if rule not in PROOF}
    assert all(rule.find.__name__.startswith("find_") for rule in ALL)


def test_references_are_never_waived() -> None:
    """The plan follows references without looking."""
    assert not any(rule.waivable for rule in (*rules_of("reference"), *rules_of("waiver")))


def test_page_is_fresh() -> None:
    """`docs/rules.md` says what the rules say; `python -m factory.rules > docs/rules.md` makes it so."""
    assert (ROOT / "docs/rules.md").read_text().splitlines() == list(page())


def test_page_has_every_rule() -> None:
    """A rule outside the known chapters would be one that nobody can look up."""
    headings = [line.split()[1] for line in page() if line.startswith("### ")]
    assert headings == [rule.id for rule in ALL]
