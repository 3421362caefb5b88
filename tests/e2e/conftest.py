"""Fixtures of the end-to-end tests: a lab of their own, gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from deployed import Client, Deployed, deploy_on, start_lab

from factory.plan import Body
from lab import Lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every end-to-end test needs the lab."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One lab for all tests of a run."""
    yield from start_lab()


@pytest.fixture(scope="session")
def deploy(lab: Lab) -> Callable[[Body], Deployed]:
    """Deploys a spec on the lab."""
    return lambda spec: deploy_on(lab, spec)


@pytest.fixture(scope="session")
def client(lab: Lab) -> Callable[[str, Sequence[str]], Client]:
    """A user in some groups, with a certificate that says so."""
    return lambda user, groups: Client(lab, lab.user(user, groups))
