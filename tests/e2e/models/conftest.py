"""A factory whose models and images must be signed, on a lab with a registry and Kyverno."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deployed import start_lab
from release import Bench
from signed import Signed, begin

from lab import Lab


@pytest.fixture(scope="session")
def models_lab() -> Iterator[Lab]:
    """A lab of their own: with the registry's doors, cosign and Kyverno's admission controller."""
    yield from start_lab(extras=["models"])


@pytest.fixture(scope="session")
def signed(models_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """The factory, deployed, and its signers."""
    return begin(Bench(models_lab, tmp_path_factory.mktemp("bench")))
