"""Kubeconfig files: for the lab's own programs, and the one that people use."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from lab.certificate import KeyPair
from lab.state import write

CLUSTER = "lab"
ADMIN = "lab-admin"


def write_kubeconfig(path: Path, server: str, authority: Path, users: dict[str, KeyPair]) -> None:
    """Write *path* with cluster `lab` at *server* and a context for each of *users*, the first being current.

    Certificates are embedded, so that the file can be copied; contexts that it already has, and the current one, are kept.
    """
    before = read(path)
    contexts = {entry["name"] for entry in before["contexts"]} - users.keys()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CLUSTER, "cluster": {"server": server, "certificate-authority-data": encoded(authority)}}],
        "users": [entry for entry in before["users"] if entry["name"] in contexts]
        + [
            {"name": name, "user": {"client-certificate-data": encoded(pair.certificate), "client-key-data": encoded(pair.key)}}
            for name, pair in users.items()
        ],
        "contexts": [{"name": name, "context": {"cluster": CLUSTER, "user": name}} for name in [*sorted(contexts), *users]],
        "current-context": before["current-context"] or next(iter(users)),
    }
    text = yaml.safe_dump(document, sort_keys=False)
    if not path.exists() or path.read_text() != text:
        write(path, text)


def read(path: Path) -> dict[str, Any]:
    empty = {"users": [], "contexts": [], "current-context": ""}
    return yaml.safe_load(path.read_text()) if path.exists() else empty


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
