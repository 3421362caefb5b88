"""A wrong or unreachable cluster is said before anything is created, with the context's name."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

import components.cluster
from components import Build, reach

SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Development",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix-prod"},
    "images": {"registries": ["registry.helix.example/"], "digests": True},
    "segments": [{"name": "serving", "stage": "Inference", "owner": "serving"}],
    "workloads": [{"name": "server", "segment": "serving"}],
}

Serve = Callable[[int, Any], str]


@pytest.fixture
def build() -> Build:
    return Build(SPEC)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that answers every request alike; returns its address."""
    servers: list[HTTPServer] = []

    def start(status: int, body: Any) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def kubeconfig(path: Path, server: str, context: str = "helix-prod", user: dict[str, Any] | None = None) -> Path:
    path.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": f"{context}-cluster", "cluster": {"server": server}}],
                "users": [{"name": f"{context}-user", "user": user or {"token": "hush"}}],
                "contexts": [{"name": context, "context": {"cluster": f"{context}-cluster", "user": f"{context}-user"}}],
                "current-context": context,
            }
        )
    )
    return path


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a kubeconfig the one that is used."""

    def set_up(server: str, **kwargs: Any) -> None:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", server, **kwargs)))

    return set_up


@pytest.mark.parametrize("minor", ["36", "37", "36+"])
def test_a_server_as_new_as_the_spec_is_accepted(build: Build, use: Callable[..., None], serve: Serve, minor: str) -> None:
    """Managed clusters put a plus behind their minor version."""
    use(serve(200, {"major": "1", "minor": minor}))
    reach(build)


def test_a_context_that_is_nowhere_is_refused(build: Build, use: Callable[..., None]) -> None:
    """With the contexts that there are, and the one that was probably meant."""
    use("http://127.0.0.1:1", context="helix-prd")
    with pytest.raises(pulumi.RunError, match=r'cluster\.context "helix-prod": .*allowed: helix-prd\. Did you mean "helix-prd"\?'):
        reach(build)


def test_no_kubeconfig_at_all_is_refused(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where a pod's own ServiceAccount would do: the spec names a context."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(pulumi.RunError, match=r'cluster\.context "helix-prod": .*absent \(no such file\)'):
        reach(build)


@pytest.mark.parametrize("text", ["", "{", "clusters: 3", "\x00"])
def test_a_broken_kubeconfig_is_named(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """By its path, without a traceback."""
    (tmp_path / "broken").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "broken"))
    with pytest.raises(pulumi.RunError, match=r'cluster\.context "helix-prod": .*broken is not a kubeconfig'):
        reach(build)


def test_contexts_are_found_in_any_file_of_kubeconfig(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    """KUBECONFIG may list files; one that is absent is passed over, as by kubectl."""
    first = kubeconfig(tmp_path / "first", "http://127.0.0.1:1", "other")
    second = kubeconfig(tmp_path / "second", serve(200, {"minor": "36"}))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'absent'}:{second}")
    reach(build)


def test_a_closed_port_is_refused(build: Build, use: Callable[..., None]) -> None:
    """Nobody listens."""
    use("http://127.0.0.1:1")
    with pytest.raises(pulumi.RunError, match=r'cluster\.context "helix-prod": the API server http://127\.0\.0\.1:1 does not answer'):
        reach(build)


def test_a_silent_server_is_refused_in_time(build: Build, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody listens and never answers."""
    monkeypatch.setattr(components.cluster, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(pulumi.RunError, match="does not answer"):
            reach(build)


def test_an_older_server_is_refused(build: Build, use: Callable[..., None], serve: Serve) -> None:
    """It lacks what the plan relies on: probably another cluster than the one that was meant."""
    use(serve(200, {"minor": "35"}))
    with pytest.raises(pulumi.RunError, match=r'runs 1\.35, older than cluster\.version "1\.36"'):
        reach(build)


def test_refused_credentials_are_said(build: Build, use: Callable[..., None], serve: Serve) -> None:
    """And the token is not."""
    use(serve(401, {}))
    with pytest.raises(pulumi.RunError, match="refuses your credentials") as error:
        reach(build)
    assert "hush" not in str(error.value)


def test_a_user_who_may_not_see_the_version_passes(build: Build, use: Callable[..., None], serve: Serve) -> None:
    """A least-privileged deployer need not be allowed to read it."""
    use(serve(403, {}))
    reach(build)


def test_another_kind_of_server_is_refused(build: Build, use: Callable[..., None], serve: Serve) -> None:
    """A proxy's sign-in page answers everything with 200."""
    use(serve(200, b"<html>"))
    with pytest.raises(pulumi.RunError, match="is none: it has no version"):
        reach(build)


def test_a_sign_in_that_only_the_provider_knows_is_left_to_it(build: Build, use: Callable[..., None], serve: Serve) -> None:
    """An unknown exec API is no reason to refuse a server that answers."""
    use(serve(401, {}), user={"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}})
    reach(build)
