"""Every name that the factory gives: logical and physical, fixed, without random suffix. A change here needs an alias."""

from __future__ import annotations

from hashlib import sha256
from re import sub

DOMAIN = "ai-factory.dev"
"""Prefix of the factory's labels, annotations and taints."""
FACTORY = f"{DOMAIN}/factory"
SEGMENT = f"{DOMAIN}/segment"
STAGE = f"{DOMAIN}/stage"
OWNER = f"{DOMAIN}/owner"
WORKLOAD = f"{DOMAIN}/workload"
POOL = f"{DOMAIN}/pool"
"""Taint of a pool's nodes."""
NODE_POOL = f"{DOMAIN}.node-restriction.kubernetes.io/pool"
"""Label of a pool's nodes. In the one domain whose labels a kubelet cannot set on itself (NodeRestriction), so that a stolen node cannot
call itself a GPU node; Karpenter takes it and Cluster API copies it from machines to nodes without being told."""
BECAUSE = f"{DOMAIN}/because"
"""Annotation on every object: the spec path and the reason."""
CONFIG = f"{DOMAIN}/config"
"""Annotation of a pod: SHA-256 of the configuration that it was started with, in hex."""

ACR = f"{DOMAIN}/acr"
"""Extra attribute of a person: how strong the sign-in was, `mfa` or `phr`, whatever words the provider has for it."""
SECOND_FACTOR, PHISHING_RESISTANT = "mfa", "phr"
"""Values of `ACR`, weakest first."""
DEVICE = f"{DOMAIN}/device"
"""Extra attribute of a person: `managed`, where the contract asks for a managed device."""
SIGN_IN = f"{DOMAIN}/session"
"""Extra attribute of a person: the provider's session (`sid`), for the audit log."""
TOKEN = f"{DOMAIN}/token"
"""Extra attribute of a person: the token's id (`jti`), for the audit log."""

GRANT = f"{DOMAIN}/grant"
"""Label of a RoleBinding by which a person holds, or asks for, a role for a while."""
EXPIRES_AT = f"{DOMAIN}/expires-at"
"""Annotation of a grant: its end, RFC 3339 in UTC."""
REASON = f"{DOMAIN}/reason"
"""Annotation of a grant: what for."""
TICKET = f"{DOMAIN}/ticket"
"""Annotation of a grant: where that is written down."""
ELIGIBLE_AS = f"{DOMAIN}/eligible-as"
"""Annotation of a grant: the group by which the person may hold the role."""
REQUESTED_BY = f"{DOMAIN}/requested-by"
"""Annotation of a grant: who asked, as the API server knows them."""
APPROVED_BY = f"{DOMAIN}/approved-by"
"""Annotation of a grant: who agreed."""
CONFIGURATION = f"{DOMAIN}/configuration"
"""Annotation of pods that read their configuration once: its digest, so that another configuration means other pods."""
CLEANUP = "cleanup.kyverno.io/ttl"
"""Label of a grant: its end as Kyverno's cleanup controller reads it, `2026-12-01T170000Z`. With any other form it would never end."""

ASK, APPROVE = "ask", "approve"
"""Ends of the names of Roles by which people ask for a role, and agree that somebody holds it: `operator:ask`."""

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Set by the API server on every namespace (KEP-2161). Unlike any other label it cannot be claimed by another namespace."""

BUNDLE = "trust-bundle"
"""ConfigMap in each segment with the roots that its workloads trust."""

INSTALL_PREFIX = "/etc/kubernetes/factory"
"""Where control-plane files are installed."""

FIELD_MANAGER = "ai-factory"
"""Field manager of server-side apply."""


def namespace(factory: str, segment: str) -> str:
    """The namespace of a segment: `helix-training`."""
    return f"{factory}-{segment}"


def cluster_wide(factory: str, name: str) -> str:
    """An object without namespace: `helix-pods-bear-one-identity`."""
    return f"{factory}-{name}"


def spiffe_id(trust_domain: str, segment: str, workload: str) -> str:
    """The SPIFFE ID of a workload: `spiffe://helix.example/segment/training/workload/trainer`."""
    return f"spiffe://{trust_domain}/segment/{segment}/workload/{workload}"


def upstream(factory: str) -> str:
    """The Secret with SPIRE's intermediate, where SPIRE runs: `helix-spire-upstream`."""
    return f"{factory}-spire-upstream"


def short(text: str, length: int = 63) -> str:
    """The text, cut to a length by replacing its end with 8 hex digits of its SHA-256. Unchanged when it is short enough."""
    if len(text) <= length:
        return text
    return f"{text[: length - 9].rstrip('-.')}-{sha256(text.encode()).hexdigest()[:8]}"


def flow_policy(end: str, workload: str, other: str, port: str) -> str:
    """The policy of one end of a flow: `in-feature-store.ingest.from.intake.loader`, `out-loader.to.training.feature-store.ingest`.

    Ends are `in` (the destination lets the source in) and `out` (the source may call out). No name of a spec holds a dot, so that no two
    flows meet in one name.
    """
    if end == "in":
        return short(f"in-{workload}.{port}.from.{other.replace('/', '.')}")
    return short(f"out-{workload}.to.{other.replace('/', '.')}.{port}")


def egress_policy(workload: str, destination: str, port: int, protocol: str) -> str:
    """The policy of one destination outside: `out-alerts.to.10.20.30.40-32.443-tcp`; that of `*.pypi.example` ends in `-any`."""
    place, below = destination.removeprefix("*."), "-any" if destination.startswith("*.") else ""
    place = sub("[/:]", "-", f"0{place}" if place.startswith(":") else place)
    return short(f"out-{workload}.to.{place}.{port}-{protocol.lower()}{below}")


def grant(subject: str, role: str) -> str:
    """A grant in one word: `ml-research.operator`. A subject with other characters than such a word may hold ends in hex of its SHA-256."""
    word = sub(r"[^a-z0-9.:-]+|:{2,}", "-", subject.lower())
    return short(f"{word if word == subject else f'{word}-{sha256(subject.encode()).hexdigest()[:8]}'}.{role}", 100)


def held(role: str, user: str) -> str:
    """The RoleBinding by which a person holds a role for a while: `operator::staff:alice`. One name, so that nobody holds a role twice.

    Guardrails compute the same name. No standing grant has it: those hold no `::`.
    """
    return f"{role}::{user.replace('/', '_').replace('%', '_')}"


MODEL_KEY, DATASET_KEY, SIGNER_KEY = "model-", "dataset-", "signer-"
"""How a key of the vault begins, by what it is for; the thing's name follows."""


def vault_path(factory: str, engine: str) -> str:
    """A mount of the factory's in a vault, which may be shared: `helix/transit`, and behind `auth/`: `helix/kubernetes`."""
    return f"{factory}/{engine}"


def vault_role(workload: str) -> str:
    """The role by which a workload signs in, `training.trainer` for `training/trainer`. No name of a spec holds a dot."""
    return workload.replace("/", ".")


def vault_policy(factory: str, workload: str) -> str:
    """The policy of a workload: `helix.training.trainer`. Policies of a vault have no mount to be told apart by."""
    return f"{factory}.{vault_role(workload)}"


def parameters(segment: str) -> str:
    """Id of the manifest without which a segment's guardrails refuse everything: what they allow there."""
    return f"Segment {segment}/guardrails"
