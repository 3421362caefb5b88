"""Workloads: the identities that flows, datasets, models and pools are granted to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from .cidr import Cidr
from .concept import HOST, IMAGE, LABEL, Concept, Name, Port, Text


class Protocol(StrEnum):
    """A transport that NetworkPolicy knows."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class Listener(Concept):
    """A named port that a workload or a peer serves."""

    name: Annotated[str, StringConstraints(pattern=LABEL, max_length=15)]
    """Its name, which flows refer to: at most 15 characters (RFC 6335)."""
    port: Port
    """The port that the process listens on."""
    protocol: Protocol = Protocol.TCP
    """Its transport."""


class Egress(Concept):
    """One destination outside the cluster that a workload may call: exactly one of `cidr` and `host`."""

    cidr: Cidr | None = None
    """An address range. The cloud's metadata address is cut out of it."""
    host: Annotated[str, StringConstraints(pattern=HOST, max_length=253)] | None = None
    """A host name. Needs an engine that knows names: `networkPolicy: Cilium`."""
    port: Port
    """The destination port."""
    protocol: Protocol = Protocol.TCP
    """Its transport."""
    because: Text
    """Why, in words that a reviewer understands."""

    @property
    def destination(self) -> str:
        """The host name or the address range."""
        return self.host or self.cidr or ""

    @property
    def reference(self) -> str:
        """How findings and waivers name it: `pypi.example:443`, with its transport where that is not TCP: `10.0.0.9/32:514/UDP`."""
        return f"{self.destination}:{self.port}" + ("" if self.protocol is Protocol.TCP else f"/{self.protocol.value}")


class Workload(Concept):
    """An identity inside a segment: one ServiceAccount, one label, one SPIFFE ID. Everything it may do is listed here."""

    name: Name
    """Its name: ServiceAccount and pod label are the same."""
    segment: Name
    """The segment that it runs in."""
    listens: tuple[Listener, ...] = ()
    """The ports that it serves. Nobody reaches them without a flow."""
    pool: Name | None = None
    """The GPU pool that its pods run on, and on no other. Absent: no GPU, and no node of any pool."""
    images: tuple[Annotated[str, StringConstraints(pattern=IMAGE, max_length=512)], ...] = ()
    """The container images that its pods may run. Absent: any image from the factory's registries."""
    reads: tuple[Name, ...] = ()
    """Datasets that it may mount, read-only."""
    writes: tuple[Name, ...] = ()
    """Datasets that it may mount for reading and writing."""
    produces: tuple[Name, ...] = ()
    """Models that it writes."""
    serves: tuple[Name, ...] = ()
    """Models that it may mount: image volumes by digest from the model's repository."""
    egress: tuple[Egress, ...] = Field(default=())
    """Destinations outside the cluster that it may call."""

    @property
    def reference(self) -> str:
        """How flows name it: `training/trainer`."""
        return f"{self.segment}/{self.name}"
