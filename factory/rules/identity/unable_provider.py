"""Providers that cannot say how somebody signed in."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT603",
    "A provider can say how somebody signed in",
    why="Tokens of Google carry neither `acr` nor `amr`: no API server could tell a password from a security key, so the contract would be "
    "prose. Dex, as a `Generic` provider, is the same.",
    fix="Put Keycloak in front of it, as a broker that asks for the second factor itself, or use a provider that sends `acr` or `amr`.",
    references=(controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION),
    waivable=False,
)
def find_unable_providers(factory: Factory) -> Iterator[Problem]:
    for provider in factory.providers:
        if provider.dialect == "Google":
            path = f"identity.people.providers[{provider.name}].preset"
            yield Problem(path, "sends no word of a second factor", provider.dialect, "Okta, EntraID, Generic, or kind Keycloak")
