"""One key under two names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from factory.plan import controls
from factory.plan.public_key import fingerprint
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT765",
    "A key is one signer's, and stands there once",
    why="With one key under two names, a model that needs both signatures needs one; and a key that was taken from one signer still "
    "counts for the other.",
    fix="Make a key pair for each signer, and remove the copy.",
    references=(controls.TENET_3, controls.SUPPLY_CHAIN),
)
def find_shared_keys(factory: Factory) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for signer in sorted(factory.signers, key=lambda signer: signer.name):
        for mark, count in sorted(Counter(map(fingerprint, signer.public_keys)).items()):
            path = f"signers[{signer.name}].publicKeys[{mark}]"
            if mark in first:
                yield Problem(path, f"is also a key of {first[mark]}")
            elif count > 1:
                yield Problem(path, f"stands there {count} times")
            first.setdefault(mark, signer.name)
