"""OpenBao's configuration, as the files that it reads (OpenBao 2.7, *Server configuration*): what all members share, and what the first
one does differently.

Only one member may hold an `initialize` stanza: each that has one founds a raft of its own instead of joining another's. Addresses of a
member are in its environment (`BAO_API_ADDR`, `BAO_CLUSTER_ADDR`, `BAO_RAFT_NODE_ID`). Everything else that belongs to the place is a file
below `/etc/openbao`, or in the variables of `Variable`. No file holds a secret.
"""

from __future__ import annotations

from typing import Any

from factory.plan import names
from factory.spec import Factory, Keys, OpenBao, SealKind

from .request import POLICIES, Policy, Request, Variable, find_requests, policy_file

WORKLOAD, PORT, RAFT = "openbao", "https", "raft"
"""Its workload in its segment, the listener that clients come to, and the one by which members talk."""

MEMBERS = "openbao-members"
"""The headless Service by which members find each other."""

TLS, SEAL, DATA = "/etc/openbao/tls", "/etc/openbao/seal", "/var/lib/openbao"

SERVER, FIRST, MEMBER = "server.json", "first.json", "member.json"
FILES = (SERVER, FIRST, MEMBER)
"""What all members share; what founds the raft and initialises; what joins it. A member reads the first and one of the others."""

_SEALS = {
    SealKind.STATIC: "static",
    SealKind.AWS_KMS: "awskms",
    SealKind.AZURE_KEY_VAULT: "azurekeyvault",
    SealKind.GCP_KMS: "gcpckms",
    SealKind.PKCS11: "pkcs11",
    SealKind.TRANSIT: "transit",
}


def find_openbao(factory: Factory) -> OpenBao | None:
    """The OpenBao that the factory runs; None where there is none, or its workload lacks a listener: `factory.rules` finds that."""
    vault = factory.keys.vault if factory.keys else None
    return vault if isinstance(vault, OpenBao) and find_port(factory, vault, PORT) else None


def find_port(factory: Factory, vault: OpenBao, listener: str) -> int | None:
    """The port of one of its listeners; None where there is no such listener."""
    workload = factory.workload.get(f"{vault.segment}/{WORKLOAD}")
    return next((each.port for each in workload.listens if each.name == listener), None) if workload else None


def raft_port(factory: Factory, vault: OpenBao) -> int:
    """The port by which members talk. A single member listens there too."""
    return find_port(factory, vault, RAFT) or 8201


def member_url(factory: Factory, vault: OpenBao, member: str, port: int | None) -> str:
    """A member's own address: `https://openbao-0.openbao-members.helix-keys.svc:8200`."""
    return f"https://{member}.{MEMBERS}.{names.namespace(factory.name, vault.segment)}.svc:{port}"


def configuration(factory: Factory, keys: Keys, vault: OpenBao) -> dict[str, dict[str, Any]]:
    """The files by name. The first member's only until somebody says that it has initialised itself."""
    first = {FIRST: first_member(factory, keys)} if not vault.initialized else {}
    return {SERVER: server(factory, vault), **first, MEMBER: other_member(factory, vault)}


def server(factory: Factory, vault: OpenBao) -> dict[str, Any]:
    """Listener, seal and audit log. Without an audit log OpenBao answers nothing (*Audit devices*), so that nothing goes unwritten."""
    return {
        "ui": False,
        "log_level": "info",
        "log_format": "json",
        "listener": [
            {
                "tcp": {
                    "address": f"[::]:{find_port(factory, vault, PORT)}",
                    "cluster_address": f"[::]:{raft_port(factory, vault)}",
                    "tls_cert_file": f"{TLS}/tls.crt",
                    "tls_key_file": f"{TLS}/tls.key",
                    "tls_min_version": "tls13",
                }
            }
        ],
        "seal": [{_SEALS[vault.seal.kind]: seal(vault)}],
        "audit": [{"type": "file", "path": "log", "options": {"file_path": "stdout"}}],
    }


def seal(vault: OpenBao) -> dict[str, str]:
    """The spec's settings; of a static seal the key's file as well, which the spec cannot know."""
    static = {"current_key_id": "1", "current_key": f"file://{SEAL}/key"} if vault.seal.kind is SealKind.STATIC else {}
    return static | dict(sorted(vault.seal.settings.items()))


def first_member(factory: Factory, keys: Keys) -> dict[str, Any]:
    """Founds the raft where there is no data yet, and makes every request once. The token that it does so by is revoked, and no unseal key
    is handed out (*Self-initialization*)."""
    requests = [{request.name: _stanza(request)} for request in find_requests(factory, keys)]
    return {"storage": {"raft": {"path": DATA}}, "initialize": [{"factory": {"request": requests}}]}


def other_member(factory: Factory, vault: OpenBao) -> dict[str, Any]:
    """Joins whoever of the others is there already."""
    port, namespace = find_port(factory, vault, PORT), names.namespace(factory.name, vault.segment)
    joins = [
        {
            "leader_api_addr": member_url(factory, vault, f"{WORKLOAD}-{ordinal}", port),
            "leader_ca_cert_file": f"{TLS}/ca.crt",
            "leader_tls_servername": f"{WORKLOAD}.{namespace}.svc",
        }
        for ordinal in range(vault.replicas)
    ]
    return {"storage": {"raft": {"path": DATA, "retry_join": joins}}}


def _stanza(request: Request) -> dict[str, Any]:
    return {"operation": "update", "path": request.path, "data": {key: _value(value) for key, value in request.data.items()}}


def _value(value: Any) -> Any:
    """What is not known here is read where OpenBao starts (*Profiles*, sources `env` and `file`)."""
    match value:
        case Variable(name):
            return {"eval_type": "string", "eval_source": "env", "env_var": name}
        case Policy(name):
            return {"eval_type": "string", "eval_source": "file", "path": f"{POLICIES}/{policy_file(name)}"}
        case _:
            return value
