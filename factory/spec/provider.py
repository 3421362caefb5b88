"""Identity providers: who vouches for people, and what a token must prove at every request."""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .concept import CERTIFICATE, CLAIM, IMAGE, ISSUER, PRINTABLE, Concept, Count, Duration, Name, Port, Subdomain

ClaimName = Annotated[str, StringConstraints(pattern=CLAIM, max_length=128)]
Claim = Annotated[str, StringConstraints(pattern=PRINTABLE, max_length=256)]
Certificate = Annotated[str, StringConstraints(pattern=CERTIFICATE)]


def seconds(duration: str) -> int:
    """`"15m"` is 900."""
    return int(duration[:-1]) * (60 if duration.endswith("m") else 3600)


class Population(StrEnum):
    """Whom a provider vouches for. Vendors are held to stricter defaults, and always to the end of a contract."""

    STAFF = "Staff"
    VENDORS = "Vendors"


class Strength(StrEnum):
    """How a person must have signed in. NIST SP 800-63B: AAL2 asks for two factors, AAL3 for one that phishing cannot take."""

    SECOND_FACTOR = "SecondFactor"
    PHISHING_RESISTANT = "PhishingResistant"


class RequiredClaim(Concept):
    """A claim that must hold one of some values."""

    claim: ClaimName
    """Its name in the token."""
    values: tuple[Claim, ...] = Field(min_length=1)
    """The values that are accepted. A claim that is a list must contain one of them."""


class Risk(Concept):
    """The provider's own judgement of a session, as a number."""

    claim: ClaimName = "risk"
    """Its name in the token."""
    highest: Count = 40
    """The highest accepted score."""


class Contract(Concept):
    """What a token must prove, checked by the API server at every request. An absent field is the default of preset and population."""

    mfa: Strength = Strength.SECOND_FACTOR
    """How strong the sign-in must have been. It is never optional."""
    mfa_claim: RequiredClaim | None = None
    """What proves two factors. Default: Keycloak `acr` of `mfa` or `phr`, Okta `amr` with `mfa`, EntraID `acrs` with `c1` or `c2`; a
    `Generic` provider must name it."""
    phishing_resistant_claim: RequiredClaim | None = None
    """What proves a factor that phishing cannot take. Default: Keycloak `acr` of `phr`, Okta `acr` of `phr` or `phrh`, EntraID `acrs`
    with `c2`; a `Generic` provider names it or goes without."""
    device: ClaimName | None = None
    """A claim that is `true` on a managed device. Default: `device_managed` for Keycloak; other providers name it or go without."""
    risk: Risk | None = None
    """The highest accepted risk, where the provider emits one."""
    networks: RequiredClaim | None = None
    """Networks that a session may come from, where the provider emits them."""
    countries: RequiredClaim | None = None
    """Countries that a session may come from, where the provider emits them."""
    token_age: Duration | None = None
    """Longest life of a token, `exp` minus `iat`. Default: 15m for staff, 5m for vendors; at most 60m."""
    session_age: Duration | None = None
    """Longest time since the sign-in (`auth_time`). Default: 10h for staff, 4h for vendors; at most 24h."""
    contract_end: ClaimName | None = None
    """A claim with the end of the person's contract, in seconds since 1970. Default for vendors: `contract_end`."""


_PROOFS = {
    "Keycloak": (RequiredClaim(claim="acr", values=("mfa", "phr")), RequiredClaim(claim="acr", values=("phr",))),
    "Okta": (RequiredClaim(claim="amr", values=("mfa",)), RequiredClaim(claim="acr", values=("phr", "phrh"))),
    "EntraID": (RequiredClaim(claim="acrs", values=("c1", "c2")), RequiredClaim(claim="acrs", values=("c2",))),
}
"""What proves each strength, by dialect. `phr` and `phrh` come from *OpenID Connect Extended Authentication Profile ACR Values 1.0*; Okta
and our Keycloak realm share them. `mfa` in `amr` is RFC 8176. `c1` and `c2` are Entra ID authentication contexts, which Conditional Access
must tie to multifactor and to phishing-resistant authentication. Google sends neither `amr` nor `acr`."""

_AGES = {Population.STAFF: ("15m", "10h"), Population.VENDORS: ("5m", "4h")}
"""Token and session age by default."""


class Provider(Concept):
    """What every provider has."""

    name: Name
    """Its name: user and group names begin with it, so that no two providers can name the same person."""
    people: Population
    """Whom it vouches for."""
    issuer: Annotated[str, StringConstraints(pattern=ISSUER, max_length=512)]
    """Its issuer URL, exactly as tokens have it in `iss`."""
    audience: Annotated[str, StringConstraints(pattern=PRINTABLE, max_length=253)] = "kubernetes"
    """The audience that tokens for this cluster bear; the client id of kubectl."""
    user: ClaimName | None = None
    """The claim with a person's name, unique and never given to another. Default: `preferred_username` for Keycloak, `oid` for EntraID,
    else `sub`. With `email`, the provider must also say `email_verified`."""
    groups: ClaimName = "groups"
    """The claim with a person's groups."""
    certificate_authority: Certificate | None = None
    """PEM certificate authority of its host, where the API server does not know it."""
    contract: Contract = Contract()
    """What a token must prove."""

    @property
    @abstractmethod
    def dialect(self) -> str:
        """How it says what the contract asks for: `Keycloak`, or the preset."""

    @property
    def prefix(self) -> str:
        """What its user and group names begin with: `staff:`."""
        return f"{self.name}:"

    @property
    def user_claim(self) -> str:
        """The claim with a person's name, default included."""
        return self.user or {"Keycloak": "preferred_username", "EntraID": "oid"}.get(self.dialect, "sub")

    @cached_property
    def terms(self) -> Contract:
        """The contract with every default filled in: what is in force."""
        own = self.contract
        token_age, session_age = _AGES[self.people]
        second_factor, phishing_resistant = _PROOFS.get(self.dialect, (None, None))
        return own.model_copy(
            update={
                "mfa_claim": own.mfa_claim or second_factor,
                "phishing_resistant_claim": own.phishing_resistant_claim or phishing_resistant,
                "device": own.device or ("device_managed" if self.dialect == "Keycloak" else None),
                "token_age": own.token_age or token_age,
                "session_age": own.session_age or session_age,
                "contract_end": own.contract_end or ("contract_end" if self.people is Population.VENDORS else None),
            }
        )


class Database(Concept):
    """Keycloak's PostgreSQL, run by somebody else. Its password is in a Secret that exists already."""

    host: Subdomain
    """Host name."""
    port: Port = 5432
    """Port."""
    name: Name = "keycloak"
    """Database."""
    secret: Name
    """Secret in the provider's segment with the keys `username` and `password`."""


class KeycloakProvider(Provider):
    """A Keycloak that the factory deploys into a Platform segment."""

    kind: Literal["Keycloak"]
    segment: Name
    """The segment of stage Platform that it runs in. It must have a workload called `keycloak` that listens on `https`."""
    database: Database
    """Where it keeps its data."""
    image: Annotated[str, StringConstraints(pattern=IMAGE, max_length=512)]
    """Its image, by digest in Production."""
    certificate: Name
    """Secret in its segment with `tls.crt` and `tls.key` for the issuer's host name."""

    @property
    def dialect(self) -> str:
        """Ours."""
        return self.kind


class OidcPreset(StrEnum):
    """How a provider says what the contract asks for."""

    OKTA = "Okta"
    ENTRA_ID = "EntraID"
    GOOGLE = "Google"
    GENERIC = "Generic"


class OidcProvider(Provider):
    """A provider that somebody else runs."""

    kind: Literal["OIDC"]
    """Any provider that speaks OpenID Connect."""
    preset: OidcPreset
    """Which one it is."""

    @property
    def dialect(self) -> str:
        """The preset."""
        return self.preset.value


AnyProvider = Annotated[KeycloakProvider | OidcProvider, Field(discriminator="kind")]
"""A provider, told apart by its `kind`."""
