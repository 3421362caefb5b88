"""A person at a sign-in page: as much of a browser as Keycloak's forms need, and of kubectl's sign-in (PKCE, a redirect to loopback)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import ssl
import time
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2

REDIRECT = "http://127.0.0.1:8000"


def one_time_code(secret: str, moment: float | None = None) -> str:
    """RFC 6238: six digits, 30 seconds, HMAC-SHA-1."""
    counter = int((time.time() if moment is None else moment) // 30).to_bytes(8, "big")
    digest = hmac.new(secret.encode(), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def claims(token: str) -> dict[str, Any]:
    """What a token says."""
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


@dataclass
class Page:
    """What the browser shows: a page, or the address that it was sent back to."""

    status: int
    html: str
    redirect: str | None = None

    @property
    def action(self) -> str | None:
        """Where its form goes."""
        found = re.search(r'<form[^>]* action="([^"]+)"', self.html)
        return unescape(found[1]) if found else None

    def has(self, field: str) -> bool:
        """Whether its form asks for it."""
        return f'name="{field}"' in self.html

    @property
    def code(self) -> str | None:
        """The authorization code, at the end of a sign-in."""
        found = re.search(r"[?&]code=([^&]+)", self.redirect or "")
        return found[1] if found else None


class Browser:
    """One browser with its own cookies. `issuer` is a realm's URL, `authority` what it trusts."""

    def __init__(self, issuer: str, authority: ssl.SSLContext, client: str = "kubernetes") -> None:
        self.issuer, self.client = issuer, client
        self._http = httpx2.Client(verify=authority, trust_env=False, timeout=60)
        self._verifier = secrets.token_urlsafe(48)

    def close(self) -> None:
        """Ends its connections."""
        self._http.close()

    def open(self, **query: str) -> Page:
        """Begins to sign in. A `query` value of "" leaves a parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self._verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self.client,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": REDIRECT,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": secrets.token_urlsafe(8),
        } | query
        url = f"{self.issuer}/protocol/openid-connect/auth"
        return self._follow(self._http.get(url, params={name: value for name, value in asked.items() if value}))

    def submit(self, page: Page, **fields: str) -> Page:
        """Sends a page's form."""
        assert page.action is not None, page.html[:2000]
        return self._follow(self._http.post(page.action, data=fields))

    def token(self, page: Page, **fields: str) -> httpx2.Response:
        """Takes the code at the end of a sign-in to the token endpoint."""
        asked = {"grant_type": "authorization_code", "code": page.code or "", "redirect_uri": REDIRECT, "code_verifier": self._verifier}
        return self.post("token", **asked | fields)

    def post(self, endpoint: str, **fields: str) -> httpx2.Response:
        """A request of the client itself."""
        return self._http.post(f"{self.issuer}/protocol/openid-connect/{endpoint}", data={"client_id": self.client} | fields)

    def _follow(self, answer: httpx2.Response) -> Page:
        while answer.is_redirect:
            location = answer.headers["location"]
            if not location.startswith("https://"):
                return Page(answer.status_code, "", location)
            answer = self._http.get(location)
        return Page(answer.status_code, answer.text)
