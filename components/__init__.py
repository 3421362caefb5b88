"""A zero-trust AI factory as Pulumi components: what the plan says, registered; nothing is decided here."""

from .access import Access
from .ai_factory import AiFactory
from .build import Build, configured
from .cluster import connect, reach
from .gpu_pool import GpuPool
from .guardrails import Guardrails
from .identity_provider import IdentityProvider
from .key_management import KeyManagement
from .model_registry import ModelRegistry
from .queue import Queue
from .root_authority import Request, RootAuthority
from .segment import Segment
from .workload_identity import WorkloadIdentity

__all__ = [
    "Access",
    "AiFactory",
    "Build",
    "GpuPool",
    "Guardrails",
    "IdentityProvider",
    "KeyManagement",
    "ModelRegistry",
    "Queue",
    "Request",
    "RootAuthority",
    "Segment",
    "WorkloadIdentity",
    "configured",
    "connect",
    "reach",
]
