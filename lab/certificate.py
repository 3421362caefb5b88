"""The lab's certificate authorities and what they issue.

As the Kubernetes PKI page advises, etcd trusts an authority of its own, so that nobody who may talk to the API server can talk to etcd, and
the front proxy (which may speak for others) has one too (https://kubernetes.io/docs/setup/best-practices/certificates/). So have SPIRE's
nodes and those who may write to the registry, for the same reason.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.errors import LabError
from lab.state import write

YEAR = datetime.timedelta(days=365)
SKEW = datetime.timedelta(minutes=5)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, as files `<name>.crt` and `<name>.key`."""

    certificate: Path
    key: Path

    @classmethod
    def at(cls, folder: Path, name: str) -> KeyPair:
        return cls(folder / f"{name}.crt", folder / f"{name}.key")

    @property
    def exists(self) -> bool:
        return self.certificate.exists()

    def load(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise LabError(f"{self.key} holds no elliptic-curve key: the lab did not write it; run `lab down` and start anew")
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()), key

    def save(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        write(self.key, pem(key))  # first: a certificate that exists has its key
        write(self.certificate, certificate.public_bytes(serialization.Encoding.PEM))


class Authority:
    """A certificate authority in two files. Made on first use, P-256, valid for a year."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.pair = KeyPair.at(folder, name)
        if not self.pair.exists:
            key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"lab {name}")])
            builder = certificate(subject, subject, key, key)
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            builder = builder.add_extension(usage(signs_certificates=True), critical=True)
            self.pair.save(builder.sign(key, hashes.SHA256()), key)

    def issue(
        self,
        name: str,
        *,
        common_name: str | None = None,
        groups: Sequence[str] = (),
        hosts: Sequence[str] = (),
        uses: Sequence[x509.ObjectIdentifier] = (CLIENT,),
    ) -> KeyPair:
        """A certificate called *name* for user *common_name* (default *name*) in *groups*, or for the server at *hosts*.

        One that exists with the same subject is kept. Raises LabError: a name that a certificate cannot carry.
        """
        pair = KeyPair.at(self.folder, name)
        user = name if common_name is None else common_name
        try:
            subject = x509.Name(
                [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups] + [x509.NameAttribute(NameOID.COMMON_NAME, user)]
            )
        except ValueError as error:
            raise LabError(f"no certificate can be issued to user {user!r}, groups {list(groups)}: {error}") from None
        if pair.exists and pair.load()[0].subject == subject:
            return pair
        issuer, issuer_key = self.pair.load()
        key = ec.generate_private_key(ec.SECP256R1())
        builder = certificate(subject, issuer.subject, key, issuer_key)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(uses)), critical=False)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([host_name(host) for host in hosts]), critical=False)
        pair.save(builder.sign(issuer_key, hashes.SHA256()), key)
        return pair

    def context(self, client: KeyPair | None = None) -> ssl.SSLContext:
        """A TLS client that trusts this authority alone, and shows *client* to those who ask."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.pair.certificate)
        if client:
            context.load_cert_chain(client.certificate, client.key)
        return context


def service_account_key(folder: Path) -> tuple[Path, Path]:
    """The key that signs ServiceAccount tokens: paths of private and public half. Made on first use."""
    private, public = folder / "service-account.key", folder / "service-account.pub"
    if not public.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write(private, pem(key))
        write(public, key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


def certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + YEAR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
