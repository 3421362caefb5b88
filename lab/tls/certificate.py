"""Certificates and requests for them, from the properties of resources."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from lab.tls import key as keys
from lab.tls.key import Key, PublicKey

SUBJECT = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}
"""Parts of a subject, in the order in which a certificate has them."""

USAGES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
"""Uses of a key (RFC 5280, section 4.2.1.3), by the library's names."""

PURPOSES = {
    name: ObjectIdentifier(oid)
    for name, oid in {
        "any_extended": "2.5.29.37.0",
        "server_auth": "1.3.6.1.5.5.7.3.1",
        "client_auth": "1.3.6.1.5.5.7.3.2",
        "code_signing": "1.3.6.1.5.5.7.3.3",
        "email_protection": "1.3.6.1.5.5.7.3.4",
        "ipsec_end_system": "1.3.6.1.5.5.7.3.5",
        "ipsec_tunnel": "1.3.6.1.5.5.7.3.6",
        "ipsec_user": "1.3.6.1.5.5.7.3.7",
        "timestamping": "1.3.6.1.5.5.7.3.8",
        "ocsp_signing": "1.3.6.1.5.5.7.3.9",
        "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
        "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
        "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
        "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
    }.items()
}
"""Extended uses (RFC 5280, section 4.2.1.12)."""

Properties = Mapping[str, Any]


def request(properties: Properties) -> x509.CertificateSigningRequest:
    """Raises ValueError: a subject, or a name, that no request can carry."""
    key = keys.read(properties["privateKeyPem"])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(properties))
    if names := list(alternative_names(properties)):
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject(properties).rdns)
    return builder.sign(key, keys.digest_of(key))


def self_signed(properties: Properties) -> x509.Certificate:
    """Raises ValueError: what no such certificate can carry."""
    key = keys.read(properties["privateKeyPem"])
    return _sign(properties, subject(properties), key.public_key(), list(alternative_names(properties)), key, None)


def locally_signed(properties: Properties) -> x509.Certificate:
    """Subject and names are the request's, nothing else of it. Raises ValueError: no such request, issuer or key."""
    asked, issuer, key = read_request(properties["certRequestPem"]), read(properties["caCertPem"]), keys.read(properties["caPrivateKeyPem"])
    if issuer.public_key() != key.public_key():
        raise ValueError("caPrivateKeyPem is not the key of caCertPem")
    names = [name for extension in asked.extensions if isinstance(extension.value, x509.SubjectAlternativeName) for name in extension.value]
    public = asked.public_key()
    if not isinstance(public, PublicKey):
        raise ValueError(f"certRequestPem is for a key of a kind that is not served: {', '.join(keys.ALGORITHMS)} are")
    return _sign(properties, asked.subject, public, names, key, issuer)


def read(pem: str) -> x509.Certificate:
    """Raises ValueError."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ValueError("is no certificate in PEM") from None


def read_request(pem: str) -> x509.CertificateSigningRequest:
    """Raises ValueError: no request, or one that was not signed by the key that it is for."""
    try:
        asked = x509.load_pem_x509_csr(pem.encode())
    except ValueError:
        raise ValueError("is no certificate request in PEM") from None
    if not asked.is_signature_valid:
        raise ValueError("was not signed by the key that it is for")
    return asked


def subject(properties: Properties) -> x509.Name:
    """Raises ValueError: a part that no name can hold."""
    said = properties.get("subject") or {}
    parts = [(part, oid, text) for part, oid in SUBJECT.items() for text in _listed(said.get(part))]
    try:
        return x509.Name([x509.NameAttribute(oid, text) for _, oid, text in parts])
    except ValueError as error:
        raise ValueError(f"subject: {error}") from None


def alternative_names(properties: Properties) -> Iterator[x509.GeneralName]:
    """Raises ValueError: an address that is none, a name with letters that DNS does not know."""
    yield from (x509.DNSName(name) for name in properties.get("dnsNames") or ())
    yield from (x509.IPAddress(ipaddress.ip_address(address)) for address in properties.get("ipAddresses") or ())
    yield from (x509.UniformResourceIdentifier(uri) for uri in properties.get("uris") or ())


def pem(made: x509.Certificate | x509.CertificateSigningRequest) -> str:
    return made.public_bytes(Encoding.PEM).decode()


def fingerprint(made: x509.CertificateSigningRequest) -> str:
    """The id of a request."""
    return hashlib.sha1(made.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest()


def _sign(
    properties: Properties, name: x509.Name, public: PublicKey, names: list[x509.GeneralName], key: Key, issuer: x509.Certificate | None
) -> x509.Certificate:
    authority = bool(properties.get("isCaCertificate"))
    if authority and not name.rdns:
        raise ValueError("an authority has a subject (RFC 5280, section 4.1.2.6)")
    start = datetime.now(UTC).replace(microsecond=0)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    path_length = properties.get("maxPathLength", -1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(hours=properties["validityPeriodHours"]))
        .add_extension(x509.BasicConstraints(authority, path_length if authority and path_length >= 0 else None), critical=True)
    )
    uses = set(properties["allowedUses"])
    if said := {USAGES[use] for use in uses & USAGES.keys()}:
        usage = x509.KeyUsage(**{each: each in said for each in USAGES.values()})
        builder = builder.add_extension(usage, critical=True)
    if purposes := [PURPOSES[use] for use in properties["allowedUses"] if use in PURPOSES]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if authority or properties.get("setSubjectKeyId"):
        builder = builder.add_extension(identifier, critical=False)
    if above := _issuer_identifier(issuer) if issuer else identifier if properties.get("setAuthorityKeyId") else None:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(above.digest, None, None), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not name.rdns)
    return builder.sign(key, keys.digest_of(key))


def _issuer_identifier(issuer: x509.Certificate) -> x509.SubjectKeyIdentifier | None:
    try:
        return issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None


def _listed(value: Any) -> list[str]:
    return [] if value is None else value if isinstance(value, list) else [value]
