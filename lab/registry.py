"""The model registry in a lab: CNCF distribution twice over one folder, a door to write and a door to read.

Image references name `127.0.0.1` and a door's port: to every client that is a registry like any other, and its certificate fits. (Some
clients speak to `localhost` without TLS, unless they are told otherwise.)
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from lab.certificate import Authority, KeyPair
from lab.state import State, write


def home(state: State) -> Path:
    return state.folder / "registry"


def configuration(state: State, door: str) -> Path:
    return home(state) / f"{door}.json"


def write_configuration(state: State, door: str, port: int, pair: KeyPair, writers: Authority | None = None) -> None:
    """What *door* (`registry-write`, `registry-read`) runs on: with *writers* it asks for a certificate of theirs, else it only reads."""
    home(state).mkdir(exist_ok=True, mode=0o700)
    tls: dict[str, object] = {"certificate": str(pair.certificate), "key": str(pair.key), "minimumtls": "tls1.2"}
    storage: dict[str, object] = {"filesystem": {"rootdirectory": str(home(state) / "store")}}
    if writers:
        tls |= {"clientcas": [str(writers.pair.certificate)], "clientauth": "require-and-verify-client-cert"}
        storage |= {"delete": {"enabled": True}}
    else:
        # No descriptor is kept in memory: the other door may delete what this one has shown.
        storage |= {"maintenance": {"readonly": {"enabled": True}, "uploadpurging": {"enabled": False}}}
    http = {"addr": f"127.0.0.1:{port}", "tls": tls, "secret": _secret(state)}
    write(configuration(state, door), json.dumps({"version": 0.1, "log": {"level": "info"}, "storage": storage, "http": http}, indent=2))


def _secret(state: State) -> str:
    """What signs the state of an upload, so that one outlives its door."""
    path = home(state) / "secret"
    if not path.exists():
        write(path, secrets.token_hex(32))
    return path.read_text()
