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
from .keys import AnyVault, EtcdEncryption, ExternalVault, Keys, OpenBao, Seal, SealKind
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
from .registry import S3, AnyRegistry, DistributionRegistry, ExternalRegistry, RegistryProduct
from .role import OPERATOR, VIEWER, Access, Permission, Role, Session
from .segment import Limits, Quota, Segment, Stage
from .signer import Keyless, Signer
from .spire import Federation, Spire, WorkloadIdentity
from .trust import AnyRoot, BootstrapRoot, ExternalRoot
from .waiver import Waiver
from .workload import Egress, Listener, Protocol, Workload

__all__ = [
    "METADATA",
    "OPERATOR",
    "S3",
    "VIEWER",
    "Access",
    "AnyPool",
    "AnyProvider",
    "AnyRegistry",
    "AnyRoot",
    "AnyVault",
    "BootstrapRoot",
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
    "DistributionRegistry",
    "Dns",
    "Egress",
    "Eligibility",
    "EtcdEncryption",
    "ExternalRegistry",
    "ExternalRoot",
    "ExternalVault",
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
    "Keyless",
    "Keys",
    "Limits",
    "Listener",
    "Model",
    "NetworkEngine",
    "ObjectReference",
    "OidcPreset",
    "OidcProvider",
    "OpenBao",
    "Peer",
    "People",
    "Permission",
    "Population",
    "Posture",
    "Protocol",
    "Provider",
    "Queue",
    "Quota",
    "RegistryProduct",
    "RequiredClaim",
    "Risk",
    "Role",
    "Seal",
    "SealKind",
    "Segment",
    "Session",
    "Share",
    "Signer",
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
