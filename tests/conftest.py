"""Fixtures for every area."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pulumi_engine import Engine


@pytest.fixture
def engine() -> Engine:
    """A stand-in for the Pulumi engine, new for each test. Pulumi is imported only where it is used."""
    from pulumi_engine import Engine

    return Engine()
