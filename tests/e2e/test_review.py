"""The previews in the reviewer's walk, on real clusters."""

from __future__ import annotations

from review.preview import Previews
from review.walk import PAGE, walk


def test_previews_are_current() -> None:
    """What docs/review.md shows of `pulumi preview` is what it shows today; `python -m tests.review.walk --preview` writes it anew."""
    page = PAGE.read_text()
    assert page.count("$ pulumi preview") == 4
    with Previews() as previews:
        assert walk(page, previews) == page
