"""What users write: one concept a file. Import names from here."""

from .cidr import METADATA, is_public, within
from .cluster import Cluster, Distribution, Dns, NetworkEngine
from .concept import Concept
from .dataset import Classification, Dataset
from .deployer import Deployer
from .factory import Factory
from .flow import Flow
from .grant import Eligibility, Grant
from .identity import Identity, People
from .image import Images
from .model import Model
from .peer import Peer
from .pool import (
    AnyPool,
    ClusterApiPool,
    DeviceApi,
    Gpu,
    KarpenterNodeClass,
    KarpenterPool,
    ObjectReference,
    StaticNodes,
    StaticPool,
    Taint,
    TaintEffect,
)
from .posture import Posture
from .provider import (
    AnyProvider,
    Contract,
    Database,
    KeycloakProvider,
    OidcPreset,
    OidcProvider,
    Population,
    Provider,
    RequiredClaim,
    Risk,
    Strength,
    seconds,
)
from .queue import Queue, Share
from .role import OPERATOR, VIEWER, Access, Permission, Role, Session
from .segment import Limits, Quota, Segment, Stage
from .spire import Federation, Spire, WorkloadIdentity
from .waiver import Waiver
from .workload import Egress, Listener, Protocol, Workload

__all__ = [
    "METADATA",
    "OPERATOR",
    "VIEWER",
    "Access",
    "AnyPool",
    "AnyProvider",
    "Classification",
    "Cluster",
    "ClusterApiPool",
    "Concept",
    "Contract",
    "Database",
    "Dataset",
    "Deployer",
    "DeviceApi",
    "Distribution",
    "Dns",
    "Egress",
    "Eligibility",
    "Factory",
    "Federation",
    "Flow",
    "Gpu",
    "Grant",
    "Identity",
    "Images",
    "KarpenterNodeClass",
    "KarpenterPool",
    "KeycloakProvider",
    "Limits",
    "Listener",
    "Model",
    "NetworkEngine",
    "ObjectReference",
    "OidcPreset",
    "OidcProvider",
    "Peer",
    "People",
    "Permission",
    "Population",
    "Posture",
    "Protocol",
    "Provider",
    "Queue",
    "Quota",
    "RequiredClaim",
    "Risk",
    "Role",
    "Segment",
    "Session",
    "Share",
    "Spire",
    "Stage",
    "StaticNodes",
    "StaticPool",
    "Strength",
    "Taint",
    "TaintEffect",
    "Waiver",
    "Workload",
    "WorkloadIdentity",
    "is_public",
    "seconds",
    "within",
]
