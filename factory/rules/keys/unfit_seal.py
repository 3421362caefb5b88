"""Seals that do not open, or that hold a secret."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, OpenBao, SealKind

NEEDED: dict[SealKind, tuple[str, ...]] = {
    SealKind.STATIC: (),
    SealKind.AWS_KMS: ("region", "kms_key_id"),
    SealKind.AZURE_KEY_VAULT: ("tenant_id", "vault_name", "key_name"),
    SealKind.GCP_KMS: ("project", "region", "key_ring", "crypto_key"),
    SealKind.PKCS11: ("lib", "key_label"),
    SealKind.TRANSIT: ("address", "key_name", "mount_path"),
}
"""What each seal cannot open without (OpenBao 2.7, *Configuration*, `seal`)."""
SECRET = {SealKind.STATIC: "key", SealKind.PKCS11: "pin", SealKind.TRANSIT: "token"}
"""Entry of the Secret of those that need one. Clouds know the pod by its own identity."""
FORBIDDEN = ("access_key", "client_secret", "credentials", "current_key", "pin", "secret_key", "session_token", "tls_skip_verify", "token")
"""Settings that are secrets, or turn trust off."""


@rule(
    "ZT727",
    "A seal has all that it needs, and no secret among its settings",
    why="A seal that does not open leaves every member sealed, and a secret in a spec is read by whoever reads the repository.",
    fix="Name what is missing by OpenBao's own names, and put secrets into the Secret that `keys.vault.seal.secret` names.",
    references=(controls.TENET_1, controls.CIS_SECRETS),
    waivable=False,
)
def find_unfit_seals(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    seal = vault.seal
    if missing := [name for name in NEEDED[seal.kind] if name not in seal.settings]:
        yield Problem("keys.vault.seal.settings", f"lack {listed(missing)}", None, f"{seal.kind.value}: {listed(NEEDED[seal.kind])}")
    for name in sorted(seal.settings.keys() & set(FORBIDDEN)):
        yield Problem(f"keys.vault.seal.settings.{name}", "is no setting for a spec")
    if seal.kind in SECRET and seal.secret is None:
        yield Problem("keys.vault.seal", f"names no secret with the entry {SECRET[seal.kind]}")
    elif seal.kind not in SECRET and seal.secret is not None:
        yield Problem("keys.vault.seal.secret", "is not read: the pod's own identity opens this seal", seal.secret)
