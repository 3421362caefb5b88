"""What users write: one concept a file. Import names from here."""

from .cidr import METADATA, is_public, within
from .cluster import Cluster, Distribution, Dns, NetworkEngine
from .concept import Concept
from .dataset import Classification, Dataset
from .deployer import Deployer
from .factory import Factory
from .flow import Flow
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
from .queue import Queue, Share
from .role import OPERATOR, VIEWER, Access, Permission, Role, Session
from .segment import Limits, Quota, Segment, Stage
from .waiver import Waiver
from .workload import Egress, Listener, Protocol, Workload

__all__ = [
    "METADATA",
    "OPERATOR",
    "VIEWER",
    "Access",
    "AnyPool",
    "Classification",
    "Cluster",
    "ClusterApiPool",
    "Concept",
    "Dataset",
    "Deployer",
    "DeviceApi",
    "Distribution",
    "Dns",
    "Egress",
    "Factory",
    "Flow",
    "Gpu",
    "Images",
    "KarpenterNodeClass",
    "KarpenterPool",
    "Limits",
    "Listener",
    "Model",
    "NetworkEngine",
    "ObjectReference",
    "Peer",
    "Permission",
    "Posture",
    "Protocol",
    "Queue",
    "Quota",
    "Role",
    "Segment",
    "Session",
    "Share",
    "Stage",
    "StaticNodes",
    "StaticPool",
    "Taint",
    "TaintEffect",
    "Waiver",
    "Workload",
    "is_public",
    "within",
]
