"""Datasets: classified data with an explicit list of who may touch it."""

from __future__ import annotations

from enum import StrEnum

from .concept import Concept, Name


class Classification(StrEnum):
    """How bad a leak would be, rising. Rules about exposure start at `Confidential`."""

    PUBLIC = "Public"
    INTERNAL = "Internal"
    CONFIDENTIAL = "Confidential"
    RESTRICTED = "Restricted"

    @property
    def sensitive(self) -> bool:
        """Whether it is `Confidential` or above."""
        return self in (Classification.CONFIDENTIAL, Classification.RESTRICTED)


class Dataset(Concept):
    """Data that lives in one segment. A workload touches it only by `reads` or `writes`, through the PersistentVolumeClaim of its own
    segment that bears the dataset's claim name."""

    name: Name
    """Its name, which `reads` and `writes` refer to."""
    classification: Classification
    """How bad a leak would be."""
    segment: Name
    """The segment that it lives in, and whose owner answers for it."""
    claim: Name | None = None
    """Name of the PersistentVolumeClaim. Default: the dataset's name."""

    @property
    def claim_name(self) -> str:
        """The PersistentVolumeClaim's name."""
        return self.claim or self.name
