"""The model registry: one store, a write door and a read door."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .concept import BUCKET, ENDPOINT, IMAGE, REGION, ROLE_ARN, SCHEDULE, Concept, Memory, Name, Subdomain

RoleArn = Annotated[str, StringConstraints(pattern=ROLE_ARN, max_length=2048)]


class S3(Concept):
    """An S3 bucket. Each door opens it by its own identity: a role that it assumes with a token of its ServiceAccount, without any key."""

    bucket: Annotated[str, StringConstraints(pattern=BUCKET)]
    """Its name."""
    region: Annotated[str, StringConstraints(pattern=REGION, max_length=64)]
    """Its region."""
    endpoint: Annotated[str, StringConstraints(pattern=ENDPOINT, max_length=512)] | None = None
    """Its endpoint, where it is not the region's public one, such as that of a VPC endpoint."""
    write_role: RoleArn
    """ARN of the role that the write door assumes (STS AssumeRoleWithWebIdentity)."""
    read_role: RoleArn
    """ARN of the role that the read door assumes: one that may only read."""


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
    """Secret in its segment with `tls.crt` and `tls.key` for the host name and the Service `registry-write`, and `ca.crt`, the authority of
    those who may write: whoever holds a client certificate of it may, so that it must sign nothing else."""
    storage: Memory | None = None
    """Size of its PersistentVolumeClaim. Exactly one of `storage` and `s3` is given."""
    storage_class: Subdomain | None = None
    """StorageClass of that claim: one whose volumes many nodes may mount (`ReadWriteMany`). Default: the cluster's default class."""
    s3: S3 | None = None
    """Bucket that it stores in."""
    collection: Annotated[str, StringConstraints(pattern=SCHEDULE, max_length=64)] = "0 3 * * 0"
    """When blobs that no manifest names are removed: a cron schedule in UTC. The write door is closed meanwhile. In a bucket only while
    `frozen`."""
    frozen: bool = False
    """Whether the write door refuses every write, as long as somebody moves the store or collects what a bucket holds in vain."""


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
