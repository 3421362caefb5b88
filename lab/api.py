"""The few HTTPS requests that the lab itself makes."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError

SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The quick one where PyYAML was built with it: definitions of custom resources are long."""


def ask(port: int, path: str, context: ssl.SSLContext | None) -> str:
    """What the server on *port* of this host says to GET *path*: `ok`, or in a few words why it is not. Without *context*: plain HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    if context:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
        return "ok" if answer.status == 200 else f"HTTP {answer.status} {text[-300:]}"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()


class Api:
    """One connection to a lab's API server, as its administrator."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def get(self, path: str) -> dict[str, Any]:
        return self._request("GET", path)

    def apply(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply of *body* at *path*, as field manager `lab`."""
        return self._request("PATCH", f"{path}?fieldManager=lab&force=true", body)

    def apply_all(self, file: Path) -> None:
        """Server-side apply of every object in *file*; of kinds with a regular plural."""
        for body in yaml.load_all(file.read_text(), Loader=SafeLoader):
            self.apply(path_of(body), body)

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._request("POST", path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            headers = {"Content-Type": "application/apply-patch+yaml" if method == "PATCH" else "application/json"} if body else {}
            self.connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = self.connection.getresponse()
            content = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LabError(f"the API server did not answer {method} {path}: {error}; see `lab status` and `lab logs`") from None
        if answer.status >= 300:
            raise LabError(f"the API server refused {method} {path}: {content.get('message', answer.status)}")
        return dict(content)


def path_of(body: dict[str, Any]) -> str:
    """The URL's path of an object of a kind with a regular plural."""
    root = "/api" if body["apiVersion"] == "v1" else "/apis"
    place = f"/namespaces/{body['metadata']['namespace']}" if "namespace" in body["metadata"] else ""
    return f"{root}/{body['apiVersion']}{place}/{body['kind'].lower()}s/{body['metadata']['name']}"
