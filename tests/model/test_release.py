"""From training to serving, on the real registry and cosign, and every way in which that is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import DATA, Registry, Team, write_stack

pytestmark = pytest.mark.lab


def test_all_the_way(team: Team) -> None:
    """Push, sign, attest, validate, promote: then every check holds, and the list says by whom."""
    reference = team.release("1.0.0")
    before = team.ask("verify", reference)
    assert before.code == 1
    assert "no  promotion: " in before.out
    team.do("promote", reference, "--approver", "staff:alice", *team.key("release"))
    said = team.do("verify", reference).out
    assert [line.split()[0] for line in said.splitlines()[1:]] == ["ok"] * 6
    for words in ("signed by release", "trained by training/trainer from claims", "judge (evaluation/judge)", "approved by staff:alice"):
        assert words in said
    row = next(row for row in team.do("list", "fraud", "--format", "json").json if row["version"] == "1.0.0")
    assert row["digest"] == reference.partition("@")[2]
    assert row["promotion"] == "approved by staff:alice, signed by release"
