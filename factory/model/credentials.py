"""Signing in to a registry with what `docker login` (or podman, oras, cosign) has left: a header, or a credential helper."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import httpx2

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class DockerLogin(httpx2.Auth):
    """Answers a registry's challenge (distribution-spec, "Bearer" and "Basic"). Asks nobody before the registry has asked."""

    requires_response_body = True

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        host = request.url.netloc.decode()
        if host in self._known:
            request.headers["Authorization"] = self._known[host]
        answer = yield request
        if answer.status_code != 401:
            return
        scheme, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        basic = _basic(host)
        asked = dict(_CHALLENGE.findall(rest))
        if scheme.lower() == "bearer" and asked.get("realm", "").startswith("https://"):
            query = {key: asked[key] for key in ("service", "scope") if key in asked}
            headers = {"Authorization": basic} if basic else {}
            given = yield httpx2.Request("GET", httpx2.URL(asked["realm"], params=query), headers=headers)
            if given.status_code != 200:
                return
            token = given.json()
            self._known[host] = f"Bearer {token.get('token') or token.get('access_token')}"
        elif scheme.lower() == "basic" and basic:
            self._known[host] = basic
        else:
            return
        request.headers["Authorization"] = self._known[host]
        yield request


def _basic(host: str) -> str | None:
    """The header of what the user has signed in with, or None."""
    path = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    try:
        config = json.loads(path.read_text())
        helper = (config.get("credHelpers") or {}).get(host) or config.get("credsStore")
        if helper and (program := shutil.which(f"docker-credential-{helper}")):
            answer = subprocess.run([program, "get"], input=host, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - the user's own helper
            found = json.loads(answer.stdout)
            secret = base64.b64encode(f"{found['Username']}:{found['Secret']}".encode()).decode()
        else:
            secret = (config.get("auths") or {})[host]["auth"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, subprocess.SubprocessError):
        return None
    return f"Basic {secret}"
