"""Served models that nobody has to validate."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory

from .serving import servers


@rule(
    "ZT761",
    "A model that is served in Inference needs a validation",
    why="A signature says whose model it is, not that it is any good. Without a validator, whoever trained it is the only one who has "
    "looked at it.",
    fix="Name under `validators` of the model who judges it, and let that workload hold the key.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unvalidated_servings(factory: Factory) -> Iterator[Problem]:
    for name, served in servers(factory).items():
        model = factory.model[name]
        if model.signers and not model.validators:
            yield Problem(f"models[{name}]", f"is served by {served} and needs nobody's validation")
