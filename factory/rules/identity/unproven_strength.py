"""Strong sign-ins that a provider cannot prove."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.people import carries_extra
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, Strength


@rule(
    "ZT605",
    "Where phishing resistance is asked for, the provider can prove it",
    why="Asked for by a contract, nobody can sign in without that claim. Asked for by `stepUp`, people sign in and then cannot enter a "
    "pod, in the night in which they must.",
    fix="Name `phishingResistantClaim`, or ask for `SecondFactor`.",
    references=(controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unproven_strengths(factory: Factory) -> Iterator[Problem]:
    admission = factory.step_up is Strength.PHISHING_RESISTANT and carries_extra(factory)
    for provider in factory.providers:
        asked = provider.contract.mfa is Strength.PHISHING_RESISTANT or admission
        if asked and provider.terms.phishing_resistant_claim is None and provider.dialect != "Google":
            path = f"identity.people.providers[{provider.name}].contract.phishingResistantClaim"
            yield Problem(path, f"is not named, and {provider.dialect} has none by default")
