"""One public-key infrastructure for all tests, and a registry of its own for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import Pki, Registry


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates of servers, of writers and of strangers."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def registry(tmp_path: Path, pki: Pki) -> Iterator[Registry]:
    """An empty store; its doors end with the test."""
    made = Registry(tmp_path, pki)
    yield made
    made.close()
