"""The resources: their properties, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from lab.tls import certificate as certificates
from lab.tls import key as keys

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi sends in place of a value that a preview does not know yet."""
WRITE_ONLY = "is not served by the stand-in: give the key as {}, which Pulumi keeps as a secret"

Made = tuple[str, dict[str, Any]]
Problem = tuple[str, str]
"""A property, and what is wrong with it."""


@dataclass(frozen=True)
class Input:
    """One input. `check` raises ValueError for a value of the right kind that will not do. `refused` says why it is not served."""

    kind: str = "string"
    required: bool = False
    allowed: tuple[str, ...] = ()
    least: int | None = None
    check: Callable[[Any], object] | None = None
    refused: str | None = None

    def problem(self, value: Any) -> str | None:
        if self.refused:
            return self.refused
        if _unknown(value):
            return None
        if not _is(self.kind, value):
            return f"is not {self.kind if self.kind == 'integer' else f'a {self.kind}'}"
        for item in value if isinstance(value, list) else [value]:
            if self.allowed and item not in self.allowed:
                return f"is {item!r}; allowed: {', '.join(self.allowed)}"
        if self.least is not None and value < self.least:
            return f"is {value:g}; allowed: {self.least} or more"
        try:
            if self.check:
                self.check(value)
        except ValueError as error:
            return str(error)
        return None


@dataclass(frozen=True)
class Resource:
    """One resource: its inputs, what it adds to them, which of both are secret, and how it is made."""

    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    secrets: frozenset[str]
    defaults: Mapping[str, Any]
    make: Callable[[Mapping[str, Any]], Made]

    def problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        """Everything that is wrong with inputs, without a value that could be secret."""
        for name, value in inputs.items():
            known = self.inputs.get(name)
            problem = known.problem(value) if known else f"is not known; allowed: {', '.join(sorted(self.inputs))}"
            if problem:
                yield name, problem
        yield from ((name, "is missing") for name, each in self.inputs.items() if each.required and inputs.get(name) is None)

    def create(self, inputs: Mapping[str, Any]) -> Made:
        """Its id and its properties. Raises ValueError: what cannot be made."""
        properties = {**self.defaults, **{name: value for name, value in inputs.items() if value is not None}}
        identifier, outputs = self.make(properties)
        return identifier, properties | outputs

    def changed(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        """Inputs that differ."""
        return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def ready_for_renewal(properties: Mapping[str, Any], now: datetime | None = None) -> bool:
    """Whether a certificate is over, or is so within `earlyRenewalHours`."""
    if "validityEndTime" not in properties:
        return False
    early = timedelta(hours=properties.get("earlyRenewalHours") or 0)
    return datetime.fromisoformat(properties["validityEndTime"]) - early <= (now or datetime.now(UTC))


def _unknown(value: Any) -> bool:
    return value == UNKNOWN or (isinstance(value, list) and UNKNOWN in value) or (isinstance(value, dict) and UNKNOWN in value.values())


def _is(kind: str, value: Any) -> bool:
    if kind == "list of strings":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind == "integer":
        return isinstance(value, float | int) and not isinstance(value, bool) and float(value).is_integer()
    return isinstance(value, {"string": str, "boolean": bool, "subject": dict}[kind])


def _subject(value: dict[str, Any]) -> None:
    for part, text in value.items():
        if part not in certificates.SUBJECT:
            raise ValueError(f"has no {part!r}; allowed: {', '.join(sorted(certificates.SUBJECT))}")
        kind = "list of strings" if part == "streetAddresses" else "string"
        if not (text is None or _is(kind, text)):
            raise ValueError(f"has a {part} that is not a {kind}")
    certificates.subject({"subject": value})


def _names(field: str) -> Callable[[Any], object]:
    return lambda value: list(certificates.alternative_names({field: value}))


def _private_key(properties: Mapping[str, Any]) -> Made:
    key = keys.generate(properties["algorithm"], properties["ecdsaCurve"], int(properties["rsaBits"]))
    return keys.identifier(key), dict(keys.forms(key))


def _request(properties: Mapping[str, Any]) -> Made:
    made = certificates.request(properties)
    algorithm = keys.algorithm_of(keys.read(properties["privateKeyPem"]))
    return certificates.fingerprint(made), {"certRequestPem": certificates.pem(made), "keyAlgorithm": algorithm}


def _self_signed(properties: Mapping[str, Any]) -> Made:
    algorithm = keys.algorithm_of(keys.read(properties["privateKeyPem"]))
    return _certificate(certificates.self_signed(properties), properties, "keyAlgorithm", algorithm)


def _locally_signed(properties: Mapping[str, Any]) -> Made:
    algorithm = keys.algorithm_of(keys.read(properties["caPrivateKeyPem"]))
    return _certificate(certificates.locally_signed(properties), properties, "caKeyAlgorithm", algorithm)


def _certificate(made: x509.Certificate, properties: Mapping[str, Any], field: str, algorithm: str) -> Made:
    outputs = {
        "certPem": certificates.pem(made),
        field: algorithm,
        "validityStartTime": made.not_valid_before_utc.isoformat(),
        "validityEndTime": made.not_valid_after_utc.isoformat(),
    }
    return str(made.serial_number), outputs | {"readyForRenewal": ready_for_renewal({**properties, **outputs})}


_WRITTEN_ONCE = {
    f"{owner}Wo{suffix}": Input("integer" if suffix else "string", refused=WRITE_ONLY.format(owner))
    for owner in ("privateKeyPem", "caPrivateKeyPem")
    for suffix in ("", "Version")
}
_KEY = {
    "privateKeyPem": Input(required=True, check=keys.read),
    **{name: each for name, each in _WRITTEN_ONCE.items() if not name.startswith("ca")},
}
_WHO = {
    "subject": Input("subject", check=_subject),
    "dnsNames": Input("list of strings", check=_names("dnsNames")),
    "ipAddresses": Input("list of strings", check=_names("ipAddresses")),
    "uris": Input("list of strings", check=_names("uris")),
}
_CERTIFICATE = {
    "allowedUses": Input("list of strings", required=True, allowed=(*certificates.USAGES, *certificates.PURPOSES)),
    "validityPeriodHours": Input("integer", required=True, least=0),
    "earlyRenewalHours": Input("integer", least=0),
    "isCaCertificate": Input("boolean"),
    "maxPathLength": Input("integer", least=-1),
    "setSubjectKeyId": Input("boolean"),
}
_UNSAID = {"earlyRenewalHours": 0, "isCaCertificate": False, "setSubjectKeyId": False}
_VALIDITY = ("certPem", "readyForRenewal", "validityStartTime", "validityEndTime")

RESOURCES = {
    "tls:index/privateKey:PrivateKey": Resource(
        {
            "algorithm": Input(required=True, allowed=keys.ALGORITHMS),
            "ecdsaCurve": Input(allowed=tuple(keys.CURVES)),
            "rsaBits": Input("integer", least=keys.BITS[0]),
        },
        (
            "privateKeyOpenssh",
            "privateKeyPem",
            "privateKeyPemPkcs8",
            "publicKeyFingerprintMd5",
            "publicKeyFingerprintSha256",
            "publicKeyOpenssh",
            "publicKeyPem",
        ),
        frozenset({"privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"}),
        {"ecdsaCurve": "P224", "rsaBits": 2048},
        _private_key,
    ),
    "tls:index/certRequest:CertRequest": Resource(
        {**_KEY, **_WHO}, ("certRequestPem", "keyAlgorithm"), frozenset({"privateKeyPem"}), {}, _request
    ),
    "tls:index/selfSignedCert:SelfSignedCert": Resource(
        {**_KEY, **_WHO, **_CERTIFICATE, "setAuthorityKeyId": Input("boolean")},
        (*_VALIDITY, "keyAlgorithm"),
        frozenset({"privateKeyPem"}),
        {**_UNSAID, "setAuthorityKeyId": False},
        _self_signed,
    ),
    "tls:index/locallySignedCert:LocallySignedCert": Resource(
        {
            "certRequestPem": Input(required=True, check=certificates.read_request),
            "caCertPem": Input(required=True, check=certificates.read),
            "caPrivateKeyPem": Input(required=True, check=keys.read),
            **{name: each for name, each in _WRITTEN_ONCE.items() if name.startswith("ca")},
            **_CERTIFICATE,
        },
        (*_VALIDITY, "caKeyAlgorithm"),
        frozenset({"caPrivateKeyPem"}),
        _UNSAID,
        _locally_signed,
    ),
}
"""By the token that the Python package registers."""
