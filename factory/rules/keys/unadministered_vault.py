"""OpenBao that nobody can administer."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.vault import find_administrators, find_proof
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, OpenBao


@rule(
    "ZT723",
    "Administrators of OpenBao can sign in",
    why="No root token is ever handed out: without an identity provider that proves a step-up nobody can apply a changed spec, and a "
    "grant that is taken away stays in force.",
    fix="Declare their identity provider under `identity.people.providers`, with a contract whose claim proves `stepUp`, and "
    "name the group with it in front, such as `staff:keys`.",
    references=(controls.TENET_6, controls.AUTHORIZATION),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unadministered_vaults(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    provider = find_administrators(factory)
    if provider is None:
        yield Problem("keys.vault.administrators", "are not of an identity provider that is declared", vault.administrators)
    elif find_proof(factory, provider) is None:
        problem = f"sign in at {provider.name}, which does not prove {factory.step_up.value}"
        yield Problem("keys.vault.administrators", problem, vault.administrators)
