"""Roots whose key, or whose signature, can be forged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .roots import certificates

if TYPE_CHECKING:
    from cryptography import x509

RSA_BITS, CURVE_BITS = 3072, 256
"""128 bits of strength, which keys that are used beyond 2030 must have (NIST SP 800-57 Part 1 Rev. 5, tables 2 and 4)."""
BROKEN = ("md5", "sha1")
"""Hashes with known collisions (NIST SP 800-131A Rev. 2, section 9)."""


@rule(
    "ZT703",
    "A root's key is strong enough for its life",
    why="A root is trusted for ten or twenty years. Whoever computes its key in that time can be every server and every workload.",
    fix="Have the root made anew, with an elliptic-curve key of 256 bits or more, or RSA of 3072, and SHA-256; name it as `next`.",
    references=(controls.TENET_2, controls.CIS_SECRETS),
)
def find_weak_roots(factory: Factory) -> Iterator[Problem]:
    for path, certificate in certificates(factory):
        if weakness := _weakness(certificate):
            problem, allowed = weakness
            yield Problem(path, problem, allowed=allowed)


def _weakness(certificate: x509.Certificate) -> tuple[str, str] | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    try:
        key, digest = certificate.public_key(), certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return "has a key of a kind that is not known", "RSA, an elliptic curve, Ed25519, Ed448"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS:
        return f"has an RSA key of {key.key_size} bits", f"{RSA_BITS} bits or more"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < CURVE_BITS:
        return f"has an elliptic-curve key of {key.key_size} bits", f"{CURVE_BITS} bits or more"
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return "has a key of a kind that is not trusted any more", "RSA, an elliptic curve, Ed25519, Ed448"
    if digest is not None and digest.name in BROKEN:
        return f"is signed with {digest.name.upper()}", "SHA-256 or more"
    return None
