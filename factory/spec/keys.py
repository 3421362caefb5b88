"""Key management: one key for each model and dataset, for the workloads to whom the spec grants the thing, and nobody else."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .concept import GROUP, IMAGE, Concept, Duration, Memory, Name
from .trust import AnyRoot

SETTING = r"^[a-z][a-z0-9_]*$"
VAULT = r"^https://[a-z0-9.-]+(:[0-9]+)?$"


class SealKind(StrEnum):
    """What opens OpenBao after a restart, without a person. `Static` is a key in a Secret: Development only."""

    STATIC = "Static"
    AWS_KMS = "AwsKms"
    AZURE_KEY_VAULT = "AzureKeyVault"
    GCP_KMS = "GcpKms"
    PKCS11 = "Pkcs11"
    TRANSIT = "Transit"


class Seal(Concept):
    """Auto-unseal."""

    kind: SealKind
    """What opens it."""
    settings: dict[Annotated[str, StringConstraints(pattern=SETTING)], Annotated[str, StringConstraints(max_length=512)]] = Field(
        default_factory=dict
    )
    """Its settings by OpenBao's own names, such as `region` and `kms_key_id`. Never a credential: the pod's own identity is used."""
    secret: Name | None = None
    """Secret in its segment with the entry `key` (32 bytes) for `Static`, `pin` for `Pkcs11`, `token` for `Transit`."""


class OpenBao(Concept):
    """An OpenBao that the factory deploys into a Platform segment: raft, TLS, self-initialised. No root token ever exists outside it."""

    kind: Literal["OpenBao"]
    segment: Name
    """The segment of stage Platform that it runs in. It must have a workload called `openbao` that listens on `https` and `raft`."""
    image: Annotated[str, StringConstraints(pattern=IMAGE, max_length=512)]
    """Its image, by digest in Production."""
    replicas: Literal[1, 3, 5] = 3
    """Members of its raft. One only in Development."""
    storage: Memory = "10Gi"
    """Size of each member's volume."""
    initialized: bool = False
    """Whether it has initialised itself. Say so after its first start: from then on a first member that has lost its volume joins the
    others, instead of founding an empty vault beside them."""
    certificate: Name
    """Secret in its segment with `tls.crt`, `tls.key` and `ca.crt` for its Service's names."""
    seal: Seal
    """What opens it."""
    administrators: Annotated[str, StringConstraints(pattern=GROUP, max_length=253)]
    """Group of people who administer it, with its provider in front: `staff:keys`. They sign in there, with a step-up."""


class ExternalVault(Concept):
    """A Vault or OpenBao that somebody else runs: the same policies and roles, rendered for it."""

    kind: Literal["External"]
    address: Annotated[str, StringConstraints(pattern=VAULT, max_length=512)]
    """Its address, such as `https://vault.helix.example:8200`."""


AnyVault = Annotated[OpenBao | ExternalVault, Field(discriminator="kind")]
"""Who keeps the keys, told apart by its `kind`."""


class EtcdEncryption(StrEnum):
    """How Secrets are encrypted in etcd, where the control plane is one's own. Managed clusters have their own way."""

    SECRETBOX = "Secretbox"
    """A key on the control plane's disk: better than none; for the lab."""
    KMS = "Kms"
    """A KMS v2 plugin on the control plane (KEP-3299)."""


class Keys(Concept):
    """Keys that follow identity."""

    root: AnyRoot
    """Where trust begins."""
    intermediate_life: Duration = "2160h"
    """How long an intermediate certificate authority is good."""
    vault: AnyVault
    """Who keeps the keys."""
    rotation: Duration = "720h"
    """Age at which the key of a model or dataset is rotated. What was encrypted before stays readable."""
    etcd: EtcdEncryption | None = None
    """How Secrets are encrypted in etcd. Absent: as the cluster already does it."""
