"""OpenBao that nobody can administer."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.vault import find_proof
from factory.spec import Factory, OpenBao

from .rule import REFUSED_IN_PRODUCTION, Problem, rule


@rule(
    "ZT723",
    "Administrators of OpenBao can sign in",
    why="No root token is ever handed out: without an identity provider that proves a step-up nobody can apply a changed spec, and a "
    "grant that is taken away stays in force.",
    fix="Declare an identity provider under `identity.people.providers`, whose contract names the claim that proves `stepUp`.",
    references=(controls.TENET_6, controls.AUTHORIZATION),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unadministered_vaults(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    if not factory.providers:
        yield Problem("keys.vault.administrators", "have no identity provider to sign in at", vault.administrators)
    elif find_proof(factory, factory.providers[0]) is None:
        problem = f"sign in at {factory.providers[0].name}, which does not prove {factory.step_up.value}"
        yield Problem("keys.vault.administrators", problem, vault.administrators)
