"""SPIRE in a lab: one server, one agent on this machine as its only node.

The node proves itself by a certificate of an authority of its own (x509pop). Were that authority SPIRE's own, every workload's SVID would
pass for a node.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from lab.certificate import Authority, KeyPair
from lab.errors import LabError
from lab.state import State, write

TRUST_DOMAIN = "lab.example"
"""Where none is named."""
LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path (unix(7), `sun_path`)."""


def home(state: State) -> Path:
    return state.folder / "spire"


def install(trust_domain: str, state: State) -> None:
    """From now on the lab's SPIRE serves *trust_domain*. What the server knew of another is kept, and unused."""
    home(state).mkdir(exist_ok=True, mode=0o700)
    write(home(state) / "trust-domain", trust_domain)


def trust_domain(state: State) -> str:
    named = home(state) / "trust-domain"
    return named.read_text() if named.exists() else TRUST_DOMAIN


def socket(state: State, program: str) -> Path:
    """Where *program* (`spire-server`, `spire-agent`) listens to this machine's user. Raises LabError: the path is too long for that."""
    path = home(state) / f"{program.removeprefix('spire-')}.sock"
    if len(bytes(path)) > LONGEST_SOCKET:
        raise LabError(f"{path} is longer than the {LONGEST_SOCKET} bytes of a socket's path: choose a shorter XDG_STATE_HOME or --name")
    return path


def data(state: State, program: str) -> Path:
    return home(state) / trust_domain(state) / program


def node(authority: Authority) -> KeyPair:
    """Who this machine is to the server."""
    return authority.issue("spire-node")


def write_server(state: State, health: int, authority: Authority) -> None:
    plugins = {
        "DataStore": [{"sql": _plugin(database_type="sqlite3", connection_string=str(data(state, "spire-server") / "entries.sqlite3"))}],
        "KeyManager": [{"disk": _plugin(keys_path=str(data(state, "spire-server") / "keys.json"))}],
        "NodeAttestor": [{"x509pop": _plugin(ca_bundle_path=str(authority.pair.certificate))}],
    }
    # The lab answers quickly; a new entry would otherwise take five seconds.
    settings = {"ca_ttl": "168h", "ca_key_type": "ec-p256", "experimental": [{"cache_reload_interval": "1s"}]}
    _write(state, "spire-server", {"server": [settings], "plugins": plugins}, health)


def write_agent(state: State, health: int, authority: Authority) -> None:
    pair = node(authority)
    plugins = {
        "KeyManager": [{"memory": _plugin()}],
        "NodeAttestor": [{"x509pop": _plugin(private_key_path=str(pair.key), certificate_path=str(pair.certificate))}],
        "WorkloadAttestor": [{"unix": _plugin(discover_workload_path=True)}],
    }
    _write(state, "spire-agent", {"agent": [{"experimental": [{"sync_interval": "1s"}]}], "plugins": plugins}, health)


def write_bundle(state: State) -> None:
    """The server's roots, for the agent's first connection. Raises LabError: the server does not say."""
    command = [str(state.bin / "spire-server"), "bundle", "show", "-socketPath", str(socket(state, "spire-server"))]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if shown.returncode:
        raise LabError(f"spire-server does not show its roots: {shown.stderr.strip()[-300:]}")
    write(bundle(state), shown.stdout)


def bundle(state: State) -> Path:
    return data(state, "spire-server") / "bundle.pem"


def configuration(state: State, program: str) -> Path:
    return home(state) / f"{program}.json"


def _write(state: State, program: str, content: dict[str, Any], health: int) -> None:
    data(state, program).mkdir(parents=True, exist_ok=True, mode=0o700)
    checks = {"listener_enabled": True, "bind_address": "127.0.0.1", "bind_port": str(health), "live_path": "/live", "ready_path": "/ready"}
    write(configuration(state, program), json.dumps(content | {"health_checks": checks}, indent=2))


def _plugin(**settings: Any) -> dict[str, Any]:
    return {"plugin_data": settings}
