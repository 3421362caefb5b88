"""References to signers."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .dangling import dangling


@rule(
    "ZT021",
    "A signer that a model or an image needs exists",
    why="Nothing is signed by somebody who is not there: no pod would ever be admitted, or the next person of that name decides what is.",
    fix="Declare the signer with its public key, or correct the name.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN),
    waivable=False,
)
def find_dangling_signers(factory: Factory) -> Iterator[Problem]:
    known = factory.signer
    needed = [(f"models[{model.name}].{field}", getattr(model, field)) for model in factory.models for field in ("signers", "validators")]
    for path, names in (*needed, ("images.signers", factory.images.signers)):
        for name in names:
            if name not in known:
                yield dangling(f"{path}[{name}]", "signers", name, known)
