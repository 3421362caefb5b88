"""A registry with both doors, cosign and a team that works with them: the real programs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from team import SIGNERS, Process, Registry, Team, free_port, make_key, write_stack

from lab import toolchain
from lab.certificate import SERVER, Authority
from lab.console import Console


@pytest.fixture(scope="session")
def programs() -> dict[str, Path]:
    """The real programs, of the lab's toolchain."""
    return toolchain.provide(Console.silent(), {"registry", "cosign", "bao"})


@pytest.fixture(scope="session")
def registry(programs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A write door that asks for a client certificate, and a read door, over one store."""
    folder = tmp_path_factory.mktemp("registry")
    (pki := folder / "pki").mkdir()
    authority, foreign = Authority(pki, "ca"), Authority(pki, "foreign")
    server = authority.issue("server", hosts=["127.0.0.1"], uses=(SERVER,))
    writer, stranger = authority.issue("writer"), foreign.issue("stranger")
    ports = {"write": free_port(), "read": free_port()}
    processes = {}
    for door, port in ports.items():
        tls: dict[str, Any] = {"certificate": str(server.certificate), "key": str(server.key)}
        storage: dict[str, Any] = {"filesystem": {"rootdirectory": str(folder / "store")}}
        if door == "write":
            tls |= {"clientcas": [str(authority.pair.certificate)], "clientauth": "require-and-verify-client-cert"}
            storage |= {"delete": {"enabled": True}}
        else:
            storage |= {"maintenance": {"readonly": {"enabled": True}, "uploadpurging": {"enabled": False}}}
        config = folder / f"{door}.json"
        http = {"addr": f"127.0.0.1:{port}", "tls": tls, "secret": "the same for both doors"}
        config.write_text(json.dumps({"version": 0.1, "storage": storage, "http": http}))
        processes[door] = Process(
            [str(programs["registry"]), "serve", str(config)], folder / f"{door}.log", {"OTEL_TRACES_EXPORTER": "none"}
        )
        processes[door].start()
    found = Registry(
        f"127.0.0.1:{ports['write']}",
        f"127.0.0.1:{ports['read']}",
        authority.pair.certificate,
        writer,
        stranger,
        folder / "store",
        processes,
    )
    try:
        with found.client() as client:
            processes["write"].await_(lambda: client.get("").status_code == 200)
            processes["read"].await_(lambda: client.get(f"https://{found.read}/v2/").status_code == 200)
        yield found
    finally:
        for process in processes.values():
            process.stop()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], dict[str, str]]:
    """Private keys by file, and their public halves."""
    folder = tmp_path_factory.mktemp("keys")
    paths = {name: folder / f"{name}.key" for name in SIGNERS}
    return paths, {name: make_key(path) for name, path in paths.items()}


@pytest.fixture
def team(
    registry: Registry,
    programs: dict[str, Path],
    keys: tuple[dict[str, Path], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Team:
    """A team with the programs on PATH."""
    monkeypatch.setenv("PATH", f"{programs['cosign'].parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    stack = tmp_path / "Pulumi.helix.yaml"
    write_stack(stack, registry.write, keys[1])
    return Team(tmp_path, stack, keys[0], capsys, registry.door)
