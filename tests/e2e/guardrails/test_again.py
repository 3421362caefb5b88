"""A factory that is removed and built again is guarded by its new grants."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy

import pytest
from deployed import Deployed, deploy_on, start_lab, wait_until
from test_life import SPEC, denied, foreign, remove

from factory.plan.guardrail.attack import plan_pod


@pytest.fixture(scope="module")
def mint() -> Iterator[Deployed]:
    """The only factory of a lab: with others there, the API server would go on reading grants for their sake."""
    for lab in start_lab():
        yield deploy_on(lab, SPEC)


def test_again(mint: Deployed) -> None:
    """After destroy and up, what is granted now holds, and not what was granted before."""
    pod = plan_pod(mint.factory, mint.factory.workload["training/trainer"])
    wait_until(lambda: denied(mint, foreign(pod)), "guardrails are in force")
    assert not denied(mint, pod)
    remove(mint, mint.plan.manifests)
    # The API server looks every second which kinds of parameters it still needs.
    time.sleep(3)
    spec = deepcopy(SPEC) | {"images": {"registries": ["registry.mint.example/other/"]}}
    again = deploy_on(mint.lab, spec)
    wait_until(lambda: denied(again, pod), "the registry of before is refused")
    fresh = plan_pod(again.factory, again.factory.workload["training/trainer"])
    wait_until(lambda: not denied(again, fresh), "the registry of now is admitted")
