"""Public keys in PEM, as SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7, RFC 7468 section 13): what they are, without a crypto library."""

from __future__ import annotations

import binascii
from base64 import b64decode
from hashlib import sha256

BEGIN, END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"

P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""All of an uncompressed ECDSA P-256 key but its point (RFC 5480 section 2)."""
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
"""The curve is y² = x³ - 3x + B modulo PRIME (FIPS 186-4 appendix D.1.2.3)."""

OTHERS = {
    "RSA": "06092a864886f70d010101",
    "ECDSA P-384": "06052b81040022",
    "ECDSA P-521": "06052b81040023",
    "Ed25519": "06032b6570",
}
"""Object identifiers by which other kinds are told, so that an error can name them."""


def fingerprint(pem: str) -> str:
    """8 hex digits of the SHA-256 of the key's base64: the same however its lines are broken."""
    return sha256(_base64(pem).encode()).hexdigest()[:8]


def find_flaw(pem: str) -> str | None:
    """What is wrong with a public key, in words that follow "is"; None for a good one: ECDSA on P-256."""
    lines = pem.strip().splitlines()
    if lines[0] != BEGIN or lines[-1] != END or sum(line.startswith("-----") for line in lines) != 2:
        return f"not one PEM block from {BEGIN} to {END}"
    try:
        key = b64decode(_base64(pem), validate=True)
    except (binascii.Error, ValueError):
        return "not base64 between its first and its last line"
    if len(key) < 2 or key[0] != 0x30 or _length(key) != len(key):
        return "not a SubjectPublicKeyInfo: it is cut or has something behind it"
    if not key.startswith(P256):
        kind = next((name for name, identifier in OTHERS.items() if bytes.fromhex(identifier) in key[:32]), "of another kind")
        return f"{kind}, not ECDSA P-256"
    x, y = (int.from_bytes(key[len(P256) + start :][:32]) for start in (0, 32))
    if (y * y - (x * x * x - 3 * x + B)) % PRIME:
        return "not a point of P-256: some of it was changed"
    return None


def _base64(pem: str) -> str:
    return "".join(line.strip() for line in pem.splitlines() if not line.startswith("-----"))


def _length(der: bytes) -> int:
    """Length of a DER value with its tag and length (ITU-T X.690 section 8.1.3)."""
    if der[1] < 0x80:
        return 2 + der[1]
    octets = der[1] & 0x7F
    return 2 + octets + int.from_bytes(der[2 : 2 + octets])
