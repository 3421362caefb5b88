"""The model registry: one store, a write door and a read door."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .concept import IMAGE, Concept, Memory, Name, Subdomain

BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
REGION = r"^[a-z0-9-]+$"
ENDPOINT = r"^https://[a-z0-9.-]+(:[0-9]+)?$"


class S3(Concept):
    """An S3 bucket. The pod's own identity opens it."""

    bucket: Annotated[str, StringConstraints(pattern=BUCKET)]
    """Its name."""
    region: Annotated[str, StringConstraints(pattern=REGION, max_length=64)]
    """Its region."""
    endpoint: Annotated[str, StringConstraints(pattern=ENDPOINT, max_length=512)] | None = None
    """Its endpoint, where it is not AWS's."""


class DistributionRegistry(Concept):
    """CNCF distribution, which the factory deploys into a Platform segment: two doors over one store."""

    kind: Literal["Distribution"]
    host: Subdomain
    """Host name that the models' repositories begin with."""
    segment: Name
    """The segment of stage Platform. It must have the workloads `registry-write` and `registry-read`, each listening on `https`."""
    image: Annotated[str, StringConstraints(pattern=IMAGE, max_length=512)]
    """Its image, by digest in Production."""
    certificate: Name
    """Secret in its segment with `tls.crt` and `tls.key` for the host name, and `ca.crt`, the authority of those who may write."""
    storage: Memory | None = None
    """Size of its PersistentVolumeClaim. Exactly one of `storage` and `s3` is given."""
    s3: S3 | None = None
    """Bucket that it stores in."""


class RegistryProduct(StrEnum):
    """A registry that somebody else runs."""

    HARBOR = "Harbor"
    ZOT = "Zot"
    ECR = "ECR"
    ARTIFACT_REGISTRY = "ArtifactRegistry"


class ExternalRegistry(Concept):
    """A registry that somebody else runs."""

    kind: Literal["External"]
    host: Subdomain
    """Host name that the models' repositories begin with."""
    product: RegistryProduct
    """Which one it is."""


AnyRegistry = Annotated[DistributionRegistry | ExternalRegistry, Field(discriminator="kind")]
"""A registry, told apart by its `kind`."""
