"""Public keys that verify nothing."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.public_key import find_flaw, fingerprint
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT766",
    "A public key is an ECDSA key on P-256, whole",
    why="With a key that cannot be read no pod is admitted. P-256 is what cosign makes, what OpenBao signs with, and the one kind "
    "that admission, `factory model` and OpenSSF model signing were all tried with.",
    fix="Name the public half of a key on P-256, as `cosign public-key` or `openssl ec -pubout` prints it. A private key that stood here "
    "is known to others now: make another.",
    references=(controls.SUPPLY_CHAIN,),
    waivable=False,
)
def find_unfit_public_keys(factory: Factory) -> Iterator[Problem]:
    for signer in factory.signers:
        for mark, key in sorted({fingerprint(key): key for key in signer.public_keys}.items()):
            if flaw := find_flaw(key):
                path = f"signers[{signer.name}].publicKeys[{mark}]"
                yield Problem(path, f"is {flaw}", allowed="a PEM public key, ECDSA P-256")
