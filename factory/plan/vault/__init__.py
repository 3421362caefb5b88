"""Keys that follow identity: a key for each model and dataset, and a policy for each workload, derived from what the spec grants it.

Who keeps them is an OpenBao that the factory runs, or a vault that runs already: both are told the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.plan import controls, names
from factory.plan.manifest import Because, Component, File, Manifest
from factory.spec import Factory, OpenBao

from .apply import apply_script
from .openbao import CONFIGURATION, CONTROLS, POLICY, claims, plan_openbao, plan_reviewer
from .request import ADMINISTRATOR, AUDIENCE, find_administrators, find_proof, find_requests, policy_files
from .server import FILES, PORT, RAFT, WORKLOAD, configuration, find_openbao, find_port
from .use import Operation, Use, find_keys, find_uses

__all__ = [
    "ADMINISTRATOR",
    "AUDIENCE",
    "CONFIGURATION",
    "FILES",
    "POLICY",
    "PORT",
    "RAFT",
    "WORKLOAD",
    "Operation",
    "Use",
    "claims",
    "configuration",
    "describe_key_management",
    "find_administrators",
    "find_keys",
    "find_openbao",
    "find_port",
    "find_proof",
    "find_requests",
    "find_uses",
    "plan_key_management",
    "plan_token_reviewer",
    "plan_vault",
    "policy_files",
]


def plan_key_management(factory: Factory, after: tuple[str, ...] = ()) -> Iterator[Manifest]:
    """Every object of the factory's OpenBao. `after` names the manifests that it waits for. Nothing where somebody else keeps the keys."""
    if factory.keys and (vault := find_openbao(factory)):
        yield from plan_openbao(factory, factory.keys, vault, after)


def plan_token_reviewer(factory: Factory) -> Iterator[Manifest]:
    """What a cluster administrator gives the factory's OpenBao beforehand."""
    if vault := find_openbao(factory):
        yield from plan_reviewer(factory, vault)


def plan_vault(factory: Factory) -> Iterator[File]:
    """What whoever runs the vault needs: policies and a script that applies everything, and of OpenBao its configuration."""
    keys = factory.keys
    if keys is None:
        return
    because = Because("keys.vault", "policies and roles, for whoever runs the vault", (controls.TENET_3, *CONTROLS))
    if vault := find_openbao(factory):
        for name, content in configuration(factory, keys, vault).items():
            yield File(name, content, Because("keys.vault", "OpenBao's configuration", CONTROLS))
    if not isinstance(keys.vault, OpenBao) or vault:
        for name, text in policy_files(factory, keys).items():
            yield File(f"policies/{name}", text, because)
        yield File("apply.sh", apply_script(factory, keys), because)


def describe_key_management(factory: Factory) -> Iterator[tuple[Component, dict[str, Any]]]:
    """What its preview row shows: who keeps the keys, how they are opened and rotated, and who may do what with each."""
    keys = factory.keys
    if keys is None or (isinstance(keys.vault, OpenBao) and not find_openbao(factory)):
        return
    uses: dict[str, dict[str, list[str]]] = {key: {} for key in find_keys(factory)}
    for use in find_uses(factory):
        uses[use.key].setdefault(use.operation.value, []).append(use.workload)
    vault = keys.vault
    if isinstance(vault, OpenBao):
        kept: dict[str, Any] = {
            "image": vault.image,
            "replicas": vault.replicas,
            "seal": vault.seal.kind.value,
            "administrators": vault.administrators,
            "namespace": names.namespace(factory.name, vault.segment),
        }
    else:
        kept = {"address": vault.address}
    yield Component("KeyManagement", factory.name), {"vault": kept, "rotation": keys.rotation, "keys": uses}
