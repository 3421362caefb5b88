"""Seals that open by a key in a Secret."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, OpenBao, SealKind


@rule(
    "ZT721",
    "OpenBao is opened by a key that is kept elsewhere",
    why="A static seal is a key in a Secret: whoever reads that Secret and a volume, or their backups, has every key.",
    fix="Seal it by a cloud KMS, PKCS#11, or the transit engine of another vault.",
    references=(controls.TENET_1, controls.CIS_SECRETS),
    severity=REFUSED_IN_PRODUCTION,
)
def find_static_seals(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    if vault.seal.kind is SealKind.STATIC:
        yield Problem(
            "keys.vault.seal.kind", "is a key in a Secret", vault.seal.kind.value, listed(k for k in SealKind if k is not SealKind.STATIC)
        )
