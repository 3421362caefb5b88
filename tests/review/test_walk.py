"""The reviewer's walk shows what the commands print."""

from __future__ import annotations

from .walk import BLOCK, PAGE, walk


def test_page_is_current() -> None:
    """Every output in docs/review.md is that of today; `python -m tests.review.walk` writes it anew."""
    page = PAGE.read_text()
    assert len(BLOCK.findall(page)) > 8
    assert walk(page) == page
