"""Deployers that a person signs in as."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.people import prefixes
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT612",
    "The deployer is no person",
    why="The deployer may change every guardrail, and is not asked for a stronger sign-in. A laptop with such a token is the factory.",
    fix="Let a pipeline deploy, by certificate or as a ServiceAccount outside the factory.",
    references=(controls.TENET_3, controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC),
    severity=REFUSED_IN_PRODUCTION,
)
def find_deployer_people(factory: Factory) -> Iterator[Problem]:
    for provider in factory.providers:
        if factory.deployer.user.startswith(prefixes(factory, provider)[0]):
            yield Problem("deployer.user", f"is somebody whom {provider.name} vouches for", factory.deployer.user)
