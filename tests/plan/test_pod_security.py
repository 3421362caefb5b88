"""Pods that the plan itself runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.load import load_text
from factory.plan import Body, plan_factory

STACKS = Path(__file__).parents[2] / "stacks"
OWNERS = ("runAsUser", "runAsGroup", "fsGroup")


def pods(stack: str, distribution: str) -> dict[str, Body]:
    """Every pod of a stack's plan by the name of what runs it."""
    text = (STACKS / f"Pulumi.{stack}.yaml").read_text()
    assert "distribution: SelfManaged" in text
    factory = load_text(text.replace("distribution: SelfManaged", f"distribution: {distribution}"), stack).factory
    return {manifest.body["metadata"]["name"]: pod for manifest in plan_factory(factory).manifests for pod in within(manifest.body)}


def within(body: Any) -> Iterator[Body]:
    if isinstance(body, dict):
        if "containers" in body:
            yield body
        for value in body.values():
            yield from within(value)


@pytest.mark.parametrize(("stack", "count"), [("models", 4), ("onprem", 1)])
def test_users(stack: str, count: int) -> None:
    """A pod runs as its image's user and never as root; on OpenShift it names none, or `restricted-v2` would refuse it."""
    given = {name: pod["securityContext"] for name, pod in pods(stack, "OpenShift").items()}
    own = {name: pod["securityContext"] for name, pod in pods(stack, "SelfManaged").items()}
    assert len(own) == count
    assert given.keys() == own.keys()
    for name, context in own.items():
        assert all(context[owner] > 0 for owner in OWNERS), name
        assert given[name] == {key: value for key, value in context.items() if key not in OWNERS}
        assert given[name]["runAsNonRoot"] is True
