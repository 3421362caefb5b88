"""What a diff says of the registry: who may push and pull now, and what a door does not stop any more."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from factory.load import Stack, load_text
from factory.plan.registry import READ, WRITE
from factory.review.diff import Diff, Effect, diff
from factory.review.objects import Objects, of_stack
from factory.review.trust import Weight

SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Development",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lab"},
    "images": {"registries": ["registry.helix.example/apps/"], "digests": True},
    "segments": [
        {"name": "training", "stage": "Training", "owner": "ml-research"},
        {"name": "models", "stage": "Platform", "owner": "ml-platform"},
    ],
    "models": [
        {"name": "fraud", "repository": "models.helix.example/fraud"},
        {"name": "risk", "repository": "models.helix.example/risk"},
    ],
    "workloads": [
        {"name": "trainer", "segment": "training", "produces": ["fraud"]},
        {"name": "tuner", "segment": "training", "produces": ["risk"]},
        {"name": "registry-write", "segment": "models", "listens": [{"name": "https", "port": 5443}]},
        {"name": "registry-read", "segment": "models", "listens": [{"name": "https", "port": 5443}]},
    ],
    "peers": [{"name": "nodes", "cidr": "10.0.0.0/16"}],
    "flows": [
        {"from": "training/trainer", "to": "models/registry-write", "port": "https", "because": "it pushes what it has trained"},
        {"from": "nodes", "to": "models/registry-read", "port": "https", "because": "kubelets pull the models of pods"},
    ],
    "registry": {
        "kind": "Distribution",
        "host": "models.helix.example",
        "segment": "models",
        "image": f"registry.helix.example/apps/distribution@sha256:{'1' * 64}",
        "certificate": "registry-tls",
        "storage": "500Gi",
    },
}


def stack(spec: dict[str, Any]) -> Stack:
    return load_text(yaml.safe_dump({"config": {"ai-factory:spec": spec}}, sort_keys=False), "stack.yaml")


def changed(**registry: Any) -> Objects:
    return of_stack(stack(SPEC | {"registry": SPEC["registry"] | registry}))


BEFORE = of_stack(stack(SPEC))


def said(found: Diff, effect: Effect) -> list[str]:
    return [change.said for change in found.changes if change.effect is effect]


def tampered(door: str, change: Callable[[dict[str, Any]], Any]) -> Objects:
    """The objects after somebody changed a door's configuration."""
    bodies = []
    for body in BEFORE.bodies:
        if (body["kind"], body["metadata"]["name"]) == ("ConfigMap", door):
            config = yaml.safe_load(body["data"]["config.yml"])
            change(config)
            body = {**copy.deepcopy(dict(body)), "data": {"config.yml": yaml.safe_dump(config)}}
        bodies.append(body)
    return replace(BEFORE, bodies=tuple(bodies))


def test_a_new_producer_may_push() -> None:
    """One flow more is one sentence more, and gone it is gone."""
    spec = copy.deepcopy(SPEC)
    spec["flows"].append(
        {"from": "training/tuner", "to": "models/registry-write", "port": "https", "because": "it pushes what it has tuned"}
    )
    after = of_stack(stack(spec))
    assert "training/tuner may push to the registry models.helix.example" in said(diff(BEFORE, after), Effect.WIDENS)
    assert "no longer: training/tuner may push to the registry models.helix.example" in said(diff(after, BEFORE), Effect.NARROWS)


def test_more_nodes_may_pull() -> None:
    """A wider range of addresses."""
    spec = copy.deepcopy(SPEC)
    spec["peers"][0]["cidr"] = "10.0.0.0/8"
    assert "10.0.0.0/8 may pull from the registry models.helix.example" in said(diff(BEFORE, of_stack(stack(spec))), Effect.WIDENS)


@pytest.mark.parametrize(
    ("door", "change", "words"),
    [
        (WRITE, lambda c: c["http"]["tls"].pop("clientauth"), "lets in nobody without a client certificate"),
        (WRITE, lambda c: c["http"]["tls"].update(clientauth="request-client-cert"), "lets in nobody without a client certificate"),
        (WRITE, lambda c: c["http"]["tls"].pop("clientcas"), "lets in nobody without a client certificate"),
        (WRITE, lambda c: c["http"].pop("tls"), "lets in nobody without a client certificate"),
        (WRITE, lambda c: c["storage"]["delete"].update(enabled=True), "lets nobody delete"),
        (WRITE, lambda c: c["validation"].update(disabled=True), "checks manifests"),
        (READ, lambda c: c["storage"]["maintenance"].pop("readonly"), "refuses every write"),
        (READ, lambda c: c["storage"]["maintenance"]["readonly"].update(enabled=False), "refuses every write"),
        (READ, lambda c: c["http"]["tls"].update(minimumtls="tls1.0"), "speaks no TLS older than 1.3"),
    ],
)
def test_a_loosened_door_widens_trust(door: str, change: Callable[[dict[str, Any]], Any], words: str) -> None:
    """Each line of the configuration that stops somebody is told when it goes, as the worst that there is."""
    found = diff(BEFORE, tampered(door, change))
    assert any(each.startswith("no longer: ") and words in each for each in said(found, Effect.WIDENS)), found.changes
    assert found.changes[0].weight is Weight.CRITICAL
    assert diff(tampered(door, change), BEFORE).changes


def test_what_is_not_known_counts_as_wider() -> None:
    """A line of the configuration that nobody has thought of."""
    found = diff(BEFORE, tampered(READ, lambda config: config.update(proxy={"remoteurl": "https://evil.example"})))
    assert found.widens
    assert any("data.config.yml.proxy.remoteurl" in each for each in said(found, Effect.UNKNOWN))


def test_a_frozen_registry_takes_no_pushes() -> None:
    """Freezing narrows trust, thawing widens it, and nothing else is said of either."""
    words = "the write door of the registry models.helix.example takes pushes"
    found = diff(BEFORE, changed(frozen=True))
    assert said(found, Effect.NARROWS) == [f"no longer: {words}"]
    assert not found.widens, found.changes
    assert said(diff(changed(frozen=True), BEFORE), Effect.WIDENS) == [words]


def test_a_new_registry_is_understood() -> None:
    """From no registry to one: every object that comes is told in words. What else ZG07 now looks at is CEL, shown as it is."""
    spec = {key: value for key, value in SPEC.items() if key != "registry"}
    found = diff(of_stack(stack(spec)), BEFORE)
    (condition,) = said(found, Effect.UNKNOWN)
    assert condition.startswith("helix-zg07-boundary looks only at requests where")
    told = said(found, Effect.WIDENS)
    assert "models/registry-write writes the store of the registry models.helix.example" in told
    assert "models/registry-read reads the store of the registry models.helix.example" in told
    assert "training/trainer may push to the registry models.helix.example" in told
