"""The API-server files that a product renders, put where this lab's API server reads them."""

from __future__ import annotations

import base64
import hashlib
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lab.errors import LabError
from lab.state import State, write

Flags = dict[str, object]


@dataclass(frozen=True)
class ControlPlaneFiles:
    """API-server flags, and the folder with the files that they name."""

    flags: Flags = field(default_factory=dict)
    folder: Path | None = None

    def forget_others(self, state: State) -> None:
        """Remove the copies that no API server reads any more."""
        for each in state.control_plane.glob("*"):
            if each != self.folder:
                shutil.rmtree(each)


PREFIX = "/etc/kubernetes/factory"
FLAGS = "kube-apiserver.yaml"
KEY_PLACE = b"REPLACE_BY_32_RANDOM_BYTES_IN_BASE64"
"""What stands in an EncryptionConfiguration where the key of secretbox belongs."""
# Without these the API server would no longer be this lab's.
OWN = (
    "bind-address",
    "client-ca-file",
    "endpoint-reconciler-type",
    "etcd-cafile",
    "etcd-certfile",
    "etcd-keyfile",
    "etcd-servers",
    "proxy-client-",
    "requestheader-",
    "secure-port",
    "service-account-issuer",
    "service-account-key-file",
    "service-account-signing-key-file",
    "tls-cert-file",
    "tls-private-key-file",
)


def install(directory: Path, state: State) -> ControlPlaneFiles:
    """Copy *directory* into the lab's state, and give the API-server flags that its `kube-apiserver.yaml` names.

    The files refer to each other under `/etc/kubernetes/factory`; in the copy, and in the flags, that is the copy's own path. Where they
    leave a place for a key of etcd's encryption, this lab's key takes it. The copy's name is the digest of its content, so different files
    are different flags.

    Raises LabError: no such folder or file, not a mapping, or a flag that is the lab's own.
    """
    if not (directory / FLAGS).is_file():
        raise LabError(f"{directory} holds no {FLAGS}: give the folder of control-plane files that was rendered")
    files = {path.relative_to(directory): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    target = state.control_plane / digest
    content = {name: data.replace(PREFIX.encode(), str(target).encode()) for name, data in files.items()}
    if any(KEY_PLACE in data for data in content.values()):
        content = {name: data.replace(KEY_PLACE, etcd_key(state)) for name, data in content.items()}
    if not target.exists():
        partial = state.control_plane / f".{digest}"
        shutil.rmtree(partial, ignore_errors=True)
        for name, data in content.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (partial / name).write_bytes(data)
            (partial / name).chmod(0o600)
        partial.rename(target)
    return ControlPlaneFiles(read_flags(directory / FLAGS, content[Path(FLAGS)]), target)


def etcd_key(state: State) -> bytes:
    """The key by which this lab's API server encrypts what it gives to etcd, in base64. Made once."""
    path = state.pki / "etcd-encryption.key"
    if not path.exists():
        write(path, base64.b64encode(secrets.token_bytes(32)))
    return path.read_bytes()


def read_flags(path: Path, content: bytes) -> Flags:
    try:
        flags = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise LabError(f"{path} is not YAML: {error}") from None
    if not isinstance(flags, dict):
        raise LabError(f"{path} is no mapping of API-server flags to values, such as `audit-policy-file: {PREFIX}/audit.yaml`")
    for name in flags:
        if str(name).startswith(OWN):
            raise LabError(f"{path}: the flag {name} is the lab's own; remove it")
    return {str(name): flag_value(value) for name, value in flags.items()}


def flag_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
