"""The factory: everything that one spec describes, on one cluster."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from .cluster import Cluster
from .concept import LABEL, Concept, Subdomain
from .dataset import Dataset
from .deployer import Deployer
from .flow import Flow
from .grant import Eligibility, Grant
from .identity import Identity
from .image import Images
from .keys import Keys
from .model import Model
from .peer import Peer
from .pool import AnyPool
from .posture import Posture
from .provider import AnyProvider, Strength
from .queue import Queue
from .registry import AnyRegistry
from .role import Access, Role
from .segment import Segment
from .signer import Signer
from .spire import WorkloadIdentity
from .waiver import Waiver
from .workload import Workload


class Factory(Concept):
    """A zero-trust AI factory. What is absent is denied."""

    name: Annotated[str, StringConstraints(pattern=LABEL, max_length=20)]
    """Its name: the prefix of every namespace and of every cluster-wide object."""
    posture: Posture
    """`Production` refuses what `Development` warns about."""
    cluster: Cluster
    """The cluster that it is built on."""
    trust_domain: Subdomain
    """The SPIFFE trust domain of its workloads."""
    deployer: Deployer = Deployer()
    """The identity that builds it."""
    images: Images
    """Where container images may come from."""
    segments: tuple[Segment, ...] = Field(min_length=1)
    """Micro-segments."""
    datasets: tuple[Dataset, ...] = ()
    """Classified data."""
    models: tuple[Model, ...] = ()
    """Model weights."""
    signers: tuple[Signer, ...] = ()
    """Whose signatures models and images need."""
    workloads: tuple[Workload, ...] = ()
    """Identities."""
    peers: tuple[Peer, ...] = ()
    """What talks to the factory from outside."""
    flows: tuple[Flow, ...] = ()
    """Allowed communications."""
    pools: tuple[AnyPool, ...] = ()
    """GPU nodes."""
    queues: tuple[Queue, ...] = ()
    """Kueue queues over pools."""
    roles: tuple[Role, ...] = ()
    """Roles beside the built-in ones."""
    access: tuple[Access, ...] = ()
    """Standing grants to people and delivery tools."""
    identity: Identity | None = None
    """Who may be anybody at all: people and workloads."""
    keys: Keys | None = None
    """Where keys are kept. Absent: nothing is sealed."""
    registry: AnyRegistry | None = None
    """The registry of models. Absent: their repositories are wherever they are."""
    eligibility: tuple[Eligibility, ...] = ()
    """Roles that people may hold for a while."""
    grants: tuple[Grant, ...] = ()
    """Roles that people hold for a while, by pull request."""
    waivers: tuple[Waiver, ...] = ()
    """Findings that somebody lives with."""

    @cached_property
    def segment(self) -> dict[str, Segment]:
        """Segments by name."""
        return {segment.name: segment for segment in self.segments}

    @cached_property
    def workload(self) -> dict[str, Workload]:
        """Workloads by reference, `training/trainer`."""
        return {workload.reference: workload for workload in self.workloads}

    @cached_property
    def peer(self) -> dict[str, Peer]:
        """Peers by name."""
        return {peer.name: peer for peer in self.peers}

    @cached_property
    def dataset(self) -> dict[str, Dataset]:
        """Datasets by name."""
        return {dataset.name: dataset for dataset in self.datasets}

    @cached_property
    def model(self) -> dict[str, Model]:
        """Models by name."""
        return {model.name: model for model in self.models}

    @cached_property
    def signer(self) -> dict[str, Signer]:
        """Signers by name."""
        return {signer.name: signer for signer in self.signers}

    @cached_property
    def pool(self) -> dict[str, AnyPool]:
        """Pools by name."""
        return {pool.name: pool for pool in self.pools}

    @cached_property
    def providers(self) -> tuple[AnyProvider, ...]:
        """Identity providers of people; none where the cluster already has its own."""
        return self.identity.people.providers if self.identity and self.identity.people else ()

    @cached_property
    def workload_identity(self) -> WorkloadIdentity | None:
        """How workloads prove who they are; None where their ServiceAccounts are all they have."""
        return self.identity.workloads if self.identity else None

    @cached_property
    def step_up(self) -> Strength:
        """How strongly people must have signed in for what is more than looking around."""
        return self.identity.people.step_up if self.identity and self.identity.people else Strength.SECOND_FACTOR

    @cached_property
    def production(self) -> bool:
        """Whether the posture is `Production`."""
        return self.posture is Posture.PRODUCTION
