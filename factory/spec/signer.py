"""Signers: whose signature models and images need. Only public halves of keys stand in a spec."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from .concept import CERTIFICATE, ISSUER, PRINTABLE, PUBLIC_KEY, TUF_ROOT, Concept, Name, Reference

PublicKey = Annotated[str, StringConstraints(pattern=PUBLIC_KEY, max_length=4096)]
"""A PEM public key: ECDSA P-256."""


class Keyless(Concept):
    """A signer by identity, from the organisation's own Sigstore: no key, but a certificate for a few minutes and an entry in a log."""

    issuer: Annotated[str, StringConstraints(pattern=ISSUER, max_length=512)]
    """OIDC issuer of the identity."""
    subject: Annotated[str, StringConstraints(pattern=PRINTABLE, max_length=512)]
    """The identity, exactly."""
    fulcio: Annotated[str, StringConstraints(pattern=ISSUER, max_length=512)]
    """The organisation's Fulcio, which gives that identity its certificates."""
    roots: Annotated[str, StringConstraints(pattern=CERTIFICATE, max_length=16384)]
    """PEM certificates of that Fulcio."""
    rekor: Annotated[str, StringConstraints(pattern=ISSUER, max_length=512)]
    """The organisation's Rekor (API version 1, which says when something was signed)."""
    rekor_key: PublicKey
    """PEM public key of that Rekor."""
    tuf: Annotated[str, StringConstraints(pattern=ISSUER, max_length=512)]
    """The organisation's TUF repository. Kyverno asks one for a `trusted_root.json`: without this, the public one."""
    tuf_root: Annotated[str, StringConstraints(pattern=TUF_ROOT, max_length=65536)]
    """That repository's `root.json`, in base64."""


class Signer(Concept):
    """Somebody whose signature counts."""

    name: Name
    """Its name, which `signers` and `validators` refer to."""
    public_keys: tuple[PublicKey, ...] = Field(default=(), max_length=4)
    """Its public keys: the current one and, while it is rotated, the next. Exactly one of these and `keyless` is given."""
    keyless: Keyless | None = None
    """Its identity, where it signs without a key."""
    workload: Reference | None = None
    """The workload that holds the key, where it is not people who sign: `evaluation/judge`."""
