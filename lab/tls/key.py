"""Private keys, in every form that the resource `PrivateKey` gives them."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

CURVES: dict[str, ec.EllipticCurve] = {"P224": ec.SECP224R1(), "P256": ec.SECP256R1(), "P384": ec.SECP384R1(), "P521": ec.SECP521R1()}
ALGORITHMS = ("ECDSA", "ED25519", "RSA")
BITS = (1024, 16384)
"""Sizes of RSA keys that the library makes."""


def generate(algorithm: str, curve: str, bits: int) -> Key:
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return ec.generate_private_key(CURVES[curve]) if algorithm == "ECDSA" else ed25519.Ed25519PrivateKey.generate()


def read(pem: str) -> Key:
    """Raises ValueError, without the text: no such key in PEM, or one with a password."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("is no private key in PEM, without a password") from None
    if not isinstance(key, Key):
        raise ValueError(f"is a key of a kind that is not served: {', '.join(ALGORITHMS)} are")
    return key


def algorithm_of(key: Key) -> str:
    return "RSA" if isinstance(key, rsa.RSAPrivateKey) else "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def digest_of(key: Key) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """The hash with which a key signs: as strong as its curve (FIPS 186-5, section 6.1). Ed25519 has its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    size = key.key_size if isinstance(key, ec.EllipticCurvePrivateKey) else 256
    return hashes.SHA512() if size > 384 else hashes.SHA384() if size > 256 else hashes.SHA256()


def forms(key: Key) -> dict[str, str]:
    """What the resource says of a key. OpenSSH knows no P224: its forms of such a key are empty."""
    public = key.public_key()
    plain = PrivateFormat.PKCS8 if isinstance(key, ed25519.Ed25519PrivateKey) else PrivateFormat.TraditionalOpenSSL
    said = {
        "privateKeyPem": _private(key, plain),
        "privateKeyPemPkcs8": _private(key, PrivateFormat.PKCS8),
        "publicKeyPem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    }
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1):
        ssh = ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")
        return said | dict.fromkeys(ssh, "")
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    wire = base64.b64decode(line.split()[1])
    return said | {
        "privateKeyOpenssh": _private(key, PrivateFormat.OpenSSH),
        "publicKeyOpenssh": f"{line}\n",
        "publicKeyFingerprintMd5": hashlib.md5(wire, usedforsecurity=False).digest().hex(":"),
        "publicKeyFingerprintSha256": f"SHA256:{base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip('=')}",
    }


def identifier(key: Key) -> str:
    """The id of the resource: the SHA-1 of its public key."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def _private(key: Key, form: PrivateFormat) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
