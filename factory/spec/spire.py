"""Workload identity: SPIRE gives every workload a short-lived SPIFFE identity."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from .concept import Concept, Duration, Name, Subdomain


class Federation(Concept):
    """Another site whose identities are recognised, and which recognises ours."""

    trust_domain: Subdomain
    """Its trust domain."""
    bundle_endpoint: Annotated[str, StringConstraints(pattern=r"^https://[a-z0-9.-]+(:[0-9]+)?(/.*)?$")]
    """Where it publishes its trust bundle."""
    spiffe_id: Annotated[str, StringConstraints(pattern=r"^spiffe://[a-z0-9.-]+/.+$")] | None = None
    """The endpoint's SPIFFE ID (profile `https_spiffe`). Absent: a web certificate (profile `https_web`)."""


class Spire(Concept):
    """SPIRE, by its hardened Helm charts."""

    svid_life: Duration = "1h"
    """Life of an X.509 identity; at most 24h."""
    token_life: Duration = "5m"  # noqa: S105 - a duration
    """Life of a JWT identity; at most 1h."""
    federations: tuple[Federation, ...] = Field(default=())
    """Other sites."""
    audiences: tuple[Name, ...] = ()
    """Audiences that projected ServiceAccount tokens may have, beside none. Absent: pods may project no token."""


class WorkloadIdentity(Concept):
    """How workloads prove who they are: `spiffe://<trustDomain>/segment/<segment>/workload/<workload>`."""

    spire: Spire = Spire()
    """SPIRE's settings."""
