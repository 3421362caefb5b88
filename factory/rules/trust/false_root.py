"""Roots that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .roots import certificates

if TYPE_CHECKING:
    from cryptography import x509


@rule(
    "ZT702",
    "A root is a self-signed certificate authority",
    why="Programs trust a chain that ends in a self-signed authority. In another some believe and others do not; and to trust a "
    "server's own certificate as a root is to trust whatever that server signs.",
    fix="Name the certificate of the root itself: `openssl x509 -noout -subject -issuer -ext basicConstraints,keyUsage` shows what it is.",
    references=(controls.TENET_2, controls.TENET_6),
    waivable=False,
)
def find_false_roots(factory: Factory) -> Iterator[Problem]:
    for path, certificate in certificates(factory):
        if problem := _problem(certificate):
            yield Problem(path, problem)


def _problem(certificate: x509.Certificate) -> str | None:
    """RFC 5280, sections 4.2.1.3 and 4.2.1.9: an authority says that it is one, and its key may sign certificates."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        extensions = {type(extension.value): extension.value for extension in certificate.extensions}
    except ValueError:
        return "has extensions that cannot be read"
    constraints, usage = extensions.get(x509.BasicConstraints), extensions.get(x509.KeyUsage)
    if not (isinstance(constraints, x509.BasicConstraints) and constraints.ca):
        return "is no certificate authority: it has no basicConstraints CA:TRUE"
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        return "may not sign certificates: its keyUsage has no keyCertSign"
    if certificate.issuer != certificate.subject:
        return "is not self-signed: another authority issued it"
    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        return "did not sign itself"
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None  # signed in a way that nobody trusts any more: ZT703 says so
    return None
