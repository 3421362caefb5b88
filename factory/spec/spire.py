"""Workload identity: SPIRE gives every workload a short-lived SPIFFE identity."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from .concept import AUDIENCE, BUNDLE_ENDPOINT, SPIFFE_ID, Concept, Duration, Subdomain


class Federation(Concept):
    """Another site whose identities our workloads recognise."""

    trust_domain: Subdomain
    """Its trust domain, such as `partner.example`."""
    bundle_endpoint: Annotated[str, StringConstraints(pattern=BUNDLE_ENDPOINT, max_length=2048)]
    """Where it publishes its trust bundle."""
    spiffe_id: Annotated[str, StringConstraints(pattern=SPIFFE_ID, max_length=2048)] | None = None
    """The endpoint's SPIFFE ID (profile `https_spiffe`). Absent: the endpoint has a web certificate (profile `https_web`)."""


class Spire(Concept):
    """SPIRE, by its hardened Helm charts."""

    svid_life: Duration = "1h"
    """Life of an X.509 identity: from 5m to 24h. It is renewed at half of it."""
    token_life: Duration = "5m"  # noqa: S105 - a duration
    """Life of a JWT identity: from 1m to 1h."""
    federations: tuple[Federation, ...] = ()
    """Other sites."""


class WorkloadIdentity(Concept):
    """How workloads prove who they are: `spiffe://<trustDomain>/segment/<segment>/workload/<workload>`."""

    spire: Spire = Spire()
    """SPIRE's settings."""
    audiences: tuple[Annotated[str, StringConstraints(pattern=AUDIENCE, max_length=253)], ...] = ()
    """Audiences that projected ServiceAccount tokens may have beside the trust domain, for services that speak OpenID Connect."""
