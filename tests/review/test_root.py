"""Roots in the words of a review: whom a segment's workloads believe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from factory.review.objects import Objects
from factory.review.root import find_roots
from factory.review.trust import Weight, find_facts, find_rest

KEY = ec.generate_private_key(ec.SECP256R1())


def root(name: str) -> tuple[str, str]:
    """A certificate, and its fingerprint."""
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(KEY.public_key()).serial_number(1)
    signed = builder.not_valid_before(now).not_valid_after(now + timedelta(days=400)).sign(KEY, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode(), sha256(signed.public_bytes(serialization.Encoding.DER)).hexdigest()


(ONE, FIRST), (TWO, SECOND) = root("Helix Root 1"), root("Helix Root 2")
FIELD = {"ConfigMap": ("data", "ca.crt"), "ClusterTrustBundle": ("spec", "trustBundle")}


def bundle(content: str, kind: str = "ConfigMap", **more: Any) -> dict[str, Any]:
    top, key = FIELD[kind]
    place = {"namespace": "helix-training"} if kind == "ConfigMap" else {}
    version = "v1" if kind == "ConfigMap" else "certificates.k8s.io/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "trust-bundle", **place}, top: {key: content, **more}}


@pytest.mark.parametrize("kind", FIELD)
def test_every_root_of_a_bundle_is_a_fact(kind: str) -> None:
    """With its name, which people know, and its fingerprint, which nobody can imitate; more roots widen trust."""
    facts = find_facts(Objects("test", (bundle(ONE + TWO, kind),)), with_spec=False).values()
    assert {(fact.key[-1], fact.opens, fact.weight) for fact in facts} == {(FIRST, True, Weight.HIGH), (SECOND, True, Weight.HIGH)}
    (said,) = [fact.said for fact in facts if fact.key[-1] == SECOND]
    assert f"the root CN=Helix Root 2 (SHA-256 {SECOND[:16]})" in said


@pytest.mark.parametrize("kind", FIELD)
@pytest.mark.parametrize("content", ["", "theirs", f"{ONE}theirs", f"theirs\n{ONE}"])
def test_what_is_no_root_is_not_understood(kind: str, content: str) -> None:
    """A review says that it does not know what a bundle with anything else in it means."""
    assert list(find_rest(bundle(content, kind))) == ["apiVersion", "kind", ".".join(FIELD[kind])]
    assert list(find_rest(bundle(ONE + TWO, kind))) == ["apiVersion", "kind"]


def test_another_entry_beside_the_roots_is_not_understood() -> None:
    """Some program may read it as roots."""
    assert "data.extra.crt" in find_rest(bundle(ONE, **{"extra.crt": TWO}))


def test_a_certificate_that_cannot_be_read_is_still_told() -> None:
    """Programs that read less strictly might believe it."""
    broken = ONE.replace(ONE.splitlines()[2], "A" * 64)
    assert [found.name for found in find_roots(Objects("test", (bundle(broken),)))] == ["a certificate that cannot be read"]


def test_another_config_map_holds_no_roots() -> None:
    """A ConfigMap of an operator's own is not what the plan tells workloads to mount."""
    own = {**bundle(ONE), "metadata": {"name": "mine", "namespace": "helix-training"}}
    assert list(find_roots(Objects("test", (own,)))) == []
