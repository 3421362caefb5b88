"""Policies: each workload's own keys, by name, and what administrators may do without ever seeing a key.

Paths are those of the API (OpenBao 2.7: *Transit secrets engine*, *PKI secrets engine*, `/sys`). `update` and not `create`: to encrypt
with a key that does not exist would make it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from factory.plan import names
from factory.spec import Factory

from .use import Operation, Use, find_uses


class Right(NamedTuple):
    """Some capabilities on one path."""

    path: str
    capabilities: tuple[str, ...]
    allowed: tuple[tuple[str, str], ...] = ()
    """Parameters that may be given, and no others, each with the values that it may have; where there are none, any."""


def find_policies(factory: Factory) -> dict[str, str]:
    """The policy of each workload that may use some key, as HCL by its name."""
    transit = names.vault_path(factory.name, "transit")
    return {
        names.vault_policy(factory.name, workload): write_policy(right for use in uses for right in _rights(transit, use))
        for workload, uses in groupby(find_uses(factory), key=lambda use: use.workload)
    }


def _rights(transit: str, use: Use) -> Iterator[Right]:
    match use.operation:
        case Operation.ENCRYPT:
            yield Right(f"{transit}/encrypt/{use.key}", ("update",))
            yield Right(f"{transit}/datakey/plaintext/{use.key}", ("update",))
        case Operation.DECRYPT:
            yield Right(f"{transit}/decrypt/{use.key}", ("update",))
        case Operation.SIGN:
            yield Right(f"{transit}/sign/{use.key}", ("update",))
            # Signing clients name the hash in the path, and read the public half to compare.
            yield Right(f"{transit}/sign/{use.key}/*", ("update",))
            yield Right(f"{transit}/keys/{use.key}", ("read",))


def administration(factory: Factory) -> str:
    """What `apply.sh` needs, certificates, and the members of raft: this factory's keys, policies and roles, by HCL.

    Keys can be made, rotated and looked at; never used, exported, backed up, trimmed or deleted. What a key must not be is said by what
    may be given, not by what may not: OpenBao takes `1` for true. Whoever writes policies can give themselves more: that is in the audit
    log.
    """
    transit, pki = (names.vault_path(factory.name, engine) for engine in ("transit", "pki"))
    change = ("create", "read", "update", "delete", "list")
    safe = tuple((parameter, "false") for parameter in ("allow_plaintext_backup", "deletion_allowed", "derived", "exportable"))
    free = tuple((parameter, "") for parameter in ("auto_rotate_period", "min_decryption_version", "min_encryption_version", "type"))
    roles, oidc = f"auth/{names.vault_path(factory.name, 'kubernetes')}/role", names.vault_path(factory.name, "oidc")
    return write_policy(
        (
            Right("sys/policies/acl", ("list",)),
            Right(f"sys/policies/acl/{factory.name}.*", change),
            Right(f"sys/mounts/{transit}", ("read",)),
            Right(f"sys/mounts/{pki}", ("read",)),
            Right(f"sys/auth/{names.vault_path(factory.name, 'kubernetes')}", ("read", "sudo")),
            Right(f"sys/auth/{oidc}", ("read", "sudo")),
            Right(f"auth/{oidc}/config", ("create", "read", "update")),
            Right(f"auth/{oidc}/role/*", ("create", "read", "update")),
            Right(roles, ("list",)),
            Right(f"{roles}/*", change),
            Right(f"{transit}/keys", ("list",)),
            Right(f"{transit}/keys/+", ("create", "read", "update"), (*safe, *free)),
            Right(f"{transit}/keys/+/config", ("create", "update"), (*safe, *free)),
            Right(f"{transit}/keys/+/rotate", ("create", "update")),
            Right(f"{pki}/*", change),
            Right("sys/storage/raft/*", ("read", "list")),
            Right("sys/storage/raft/remove-peer", ("update",)),
            Right("sys/step-down", ("update", "sudo")),
            Right("auth/token/lookup-self", ("read",)),
            Right("auth/token/revoke-self", ("update",)),
        )
    )


def write_policy(rights: Iterator[Right] | tuple[Right, ...]) -> str:
    """Rights as HCL, one block a path."""
    return "\n".join(_block(right) for right in rights)


def _block(right: Right) -> str:
    capabilities = ", ".join(f'"{capability}"' for capability in right.capabilities)
    lines = [f'path "{right.path}" {{', f"  capabilities = [{capabilities}]"]
    if right.allowed:
        lines += ["  allowed_parameters = {", *(f'    "{parameter}" = [{values}]' for parameter, values in right.allowed), "  }"]
    return "\n".join((*lines, "}\n"))
