"""Hosts that are not the named product's."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.external_registry import FORMS, is_host_of
from factory.rules.rule import Problem, rule
from factory.spec import ExternalRegistry, Factory


@rule(
    "ZT750",
    "The host of a registry is one of its product",
    why="What is rendered for whoever runs it, policies and rules, would be for another registry than the one that models are pulled from.",
    fix="Correct `host` or `product`.",
    references=(controls.TENET_1, controls.SUPPLY_CHAIN),
    waivable=False,
)
def find_alien_hosts(factory: Factory) -> Iterator[Problem]:
    registry = factory.registry
    if isinstance(registry, ExternalRegistry) and not is_host_of(registry):
        yield Problem("registry.host", f"is none of {registry.product.value}", registry.host, FORMS[registry.product])
