"""Roots: whose certificates the workloads of a segment believe, as its trust bundle says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from factory.plan import Because, names
from factory.plan.trust import BUNDLE_KEY

from .objects import Name, Object, Objects, find_because

CLUSTER = "the cluster"
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", re.DOTALL)


class Root(NamedTuple):
    """A root that somebody believes."""

    place: str
    """The segment, or `the cluster`."""
    fingerprint: str
    """SHA-256 of the certificate, in hex: what tells it from another of the same name."""
    name: str
    """Its subject: `CN=Helix Root`."""
    by: Name
    """The bundle."""
    because: Because | None


def find_roots(objects: Objects) -> Iterator[Root]:
    """Every root of every trust bundle."""
    for body in objects.bodies:
        name, segment = Name.of(body), objects.segments.get(str(body["metadata"].get("namespace")), CLUSTER)
        for block in BLOCK.findall(_bundle(body)):
            fingerprint, subject = _read(block)
            yield Root(segment, fingerprint, subject, name, find_because(body))


def understood(body: Object) -> tuple[tuple[str, ...], ...]:
    """The field of a trust bundle that is nothing but the roots which `find_roots` yields; none of any other object."""
    text = _bundle(body)
    if not text or BLOCK.sub("", text):
        return ()
    return (("data", BUNDLE_KEY),) if body["kind"] == "ConfigMap" else (("spec", "trustBundle"),)


def _bundle(body: Object) -> str:
    if body["kind"] == "ConfigMap" and body["metadata"]["name"] == names.BUNDLE:
        return str((body.get("data") or {}).get(BUNDLE_KEY, ""))
    return str((body.get("spec") or {}).get("trustBundle", "")) if body["kind"] == "ClusterTrustBundle" else ""


def _read(block: str) -> tuple[str, str]:
    from cryptography import x509  # most factories have no bundle, and need not wait for it
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        certificate = x509.load_pem_x509_certificate(block.encode())
        return sha256(certificate.public_bytes(Encoding.DER)).hexdigest(), certificate.subject.rfc4514_string()
    except ValueError:
        return sha256(block.encode()).hexdigest(), "a certificate that cannot be read"
