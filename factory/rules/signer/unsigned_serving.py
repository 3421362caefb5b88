"""Served models that nobody has to sign."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory

from .serving import servers


@rule(
    "ZT760",
    "A model that is served in Inference needs a signature",
    why="Whoever can push to the registry, or has changed what a digest in a manifest says, decides what answers. A signature says whose "
    "model it is.",
    fix="Name under `signers` of the model who signs it, and declare that signer with its public key.",
    references=(controls.TENET_5, controls.TENET_6, controls.SUPPLY_CHAIN, controls.CIS_ADMISSION),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unsigned_servings(factory: Factory) -> Iterator[Problem]:
    for model, served in servers(factory).items():
        if not factory.model[model].signers:
            yield Problem(f"models[{model}]", f"is served by {served} and needs nobody's signature")
