"""Signers whom nothing needs."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT767",
    "A signer is needed by something",
    why="A key that counts for nothing today is trusted at once on the day when somebody writes its name under a model.",
    fix="Name it under `signers` or `validators`, or remove it.",
    references=(controls.TENET_3,),
    severity=WARNED,
)
def find_unused_signers(factory: Factory) -> Iterator[Problem]:
    used = {name for model in factory.models for name in (*model.signers, *model.validators)} | {*factory.images.signers}
    for signer in factory.signers:
        if signer.name not in used:
            yield Problem(f"signers[{signer.name}]", "is needed by no model and no image")
