"""Validators that also sign."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT764",
    "Who validates a model is not who signs it",
    why="Two signatures by one key are one signature: whoever has it validates and promotes alone.",
    fix="Declare a second signer with a key of its own, and name one of them under `signers` and the other under `validators`.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN),
)
def find_signing_validators(factory: Factory) -> Iterator[Problem]:
    for model in factory.models:
        for name in sorted({*model.signers} & {*model.validators}):
            yield Problem(f"models[{model.name}].validators[{name}]", "is also among the model's signers")
