"""Flows: the only way to talk."""

from __future__ import annotations

from pydantic import Field

from .concept import Concept, Name, PeerName, Text


class Flow(Concept):
    """One allowed communication: `source` may open connections to the named listener of `to`, and to nothing else of it."""

    source: PeerName = Field(alias="from")
    """Who calls: a workload as `segment/workload`, or a peer."""
    to: PeerName
    """Who is called: a workload as `segment/workload`, or a peer."""
    port: Name
    """The name of the destination's listener, never a number."""
    because: Text
    """Why, in words that a reviewer understands."""

    @property
    def reference(self) -> str:
        """How findings, evidence and waivers name it: `ingestion/loader -> training/feature-store:features`."""
        return f"{self.source} -> {self.to}:{self.port}"
