"""Second factors that nobody has named."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, Strength


@rule(
    "ZT604",
    "A Generic provider names the claim that proves the second factor",
    why="Providers say it in words of their own. Unnamed, it is taken to be `mfa` in `amr` (RFC 8176), which few providers send (Dex sends "
    "nothing at all): then nobody can sign in.",
    fix="Write `mfaClaim: {claim: …, values: […]}`, as the provider's documentation has it.",
    references=(controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unnamed_proofs(factory: Factory) -> Iterator[Problem]:
    for provider in factory.providers:
        contract = provider.contract
        if provider.dialect == "Generic" and contract.mfa is Strength.SECOND_FACTOR and contract.mfa_claim is None:
            yield Problem(f"identity.people.providers[{provider.name}].contract.mfaClaim", "is not named")
