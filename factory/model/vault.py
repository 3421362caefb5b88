"""OpenBao (or Vault) as one workload sees it: its own role, and what its policy lets it do with the key of one model."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from .errors import ModelError


@dataclass(frozen=True, slots=True)
class Vault:
    """A signed-in session. Holds a token: never printed."""

    address: str
    token: str
    mount: str
    """Mount of the transit engine: `helix/transit`."""
    ca: Path | None = None

    def __repr__(self) -> str:
        return f"Vault({self.address})"

    def encrypt(self, key: str, plaintext: bytes) -> str:
        """Ciphertext by a key, as `vault:v1:…`. Raises ModelError."""
        return str(self._write(f"encrypt/{key}", {"plaintext": base64.b64encode(plaintext).decode()})["ciphertext"])

    def decrypt(self, key: str, ciphertext: str) -> bytes:
        """Plaintext of a ciphertext. Raises ModelError."""
        return base64.b64decode(self._write(f"decrypt/{key}", {"ciphertext": ciphertext})["plaintext"])

    def _write(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        answer = _ask(self.address, self.ca, f"{self.mount}/{path}", data, self.token)
        found = answer.get("data")
        if not isinstance(found, dict):
            raise ModelError(f"{self.address} answers {self.mount}/{path} without data: is it OpenBao?")
        return found


def sign_in(address: str, mount: str, auth: str, role: str, token: Path, ca: Path | None = None) -> Vault:
    """A session of a workload, by the token of its ServiceAccount (audience `openbao`). Raises ModelError: refused, or no such file.

    `auth` is the mount of the Kubernetes auth method (`helix/kubernetes`), `role` is `<segment>.<workload>`.
    """
    try:
        jwt = token.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{token} cannot be read: {error}. Project the ServiceAccount's token of audience openbao there.") from None
    answer = _ask(address, ca, f"auth/{auth}/login", {"role": role, "jwt": jwt}, None)
    try:
        return Vault(address, str(answer["auth"]["client_token"]), mount, ca)
    except (KeyError, TypeError):
        raise ModelError(f"{address} signs {role} in without a token: is it OpenBao?") from None


def _ask(address: str, ca: Path | None, path: str, data: dict[str, Any], token: str | None) -> dict[str, Any]:
    if not address.startswith("https://"):
        raise ModelError(f"{address} is not an https address: keys travel over TLS only. Give https://HOST:PORT.")
    headers = {"X-Vault-Token": token} if token else {}
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        with httpx2.Client(verify=context, timeout=30) as client:
            answer = client.post(f"{address.rstrip('/')}/v1/{path}", json=data, headers=headers)
    except (ssl.SSLError, OSError) as error:
        raise ModelError(f"{ca or 'the system authorities'} cannot be used for TLS: {error}. Give a PEM file.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ModelError(f"{address} cannot be reached: {error}. Check the address, its authority and the network.") from None
    try:
        found = answer.json()
    except ValueError:
        found = {}
    if answer.status_code != 200 or not isinstance(found, dict):
        said = "; ".join(map(str, found.get("errors") or ())) if isinstance(found, dict) else ""
        hint = (
            " The policy of this identity does not allow it: it follows from `produces` and `serves` of the spec."
            if answer.status_code == 403
            else ""
        )
        raise ModelError(f"{address} refuses {path}: {answer.status_code} {' '.join(said.split()) or answer.reason_phrase}.{hint}")
    return found
