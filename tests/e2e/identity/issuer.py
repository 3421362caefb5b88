"""An OpenID Connect issuer on loopback, as much of one as an API server needs: discovery and keys over TLS, and tokens at will.

One server plays any number of issuers, told apart by path: `issuer.url("okta")` is `https://127.0.0.1:PORT/okta`. It signs whatever it is
asked to, so that tests can send what a real provider would never issue.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

Claims = dict[str, Any]
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
PEM = serialization.Encoding.PEM


class Issuer:
    """Listens from construction on, until it is closed."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._folder = tempfile.TemporaryDirectory(prefix="issuer-")
        self.authority = self._certify(Path(self._folder.name))
        """PEM of the authority that signed its certificate."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = issuer._answer(self.path)
                self.send_response(200 if answer else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(self._folder.name) / "tls.crt", Path(self._folder.name) / "tls.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> Issuer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    def url(self, path: str) -> str:
        """The issuer at a path."""
        return f"https://127.0.0.1:{self._server.server_address[1]}/{path}"

    def token(self, path: str, claims: Claims, key: rsa.RSAPrivateKey | None = None, algorithm: str = "RS256") -> str:
        """A token of the issuer at a path. `iat` is now and `exp` five minutes later where `claims` does not say; None leaves one out."""
        now = int(time.time())
        said = {"iss": self.url(path), "iat": now, "exp": now + 300} | claims
        header = {"alg": algorithm, "kid": "one", "typ": "JWT"}
        body = {name: value for name, value in said.items() if value is not None}
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, body))
        signature = (key or self._key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()) if algorithm == "RS256" else b""
        return f"{signed}.{_encoded(signature)}"

    def _answer(self, path: str) -> Claims | None:
        if path.endswith(DISCOVERY):
            url = self.url(path.removesuffix(DISCOVERY).removeprefix("/"))
            return {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "jwks_uri": f"{url}{KEYS}",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        if path.endswith(KEYS):
            numbers = self._key.public_key().public_numbers()
            modulus, exponent = (_encoded(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
            return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one", "n": modulus, "e": exponent}]}
        return None

    def _certify(self, folder: Path) -> str:
        """Writes `tls.crt` and `tls.key` for this host, and returns the authority: the certificate itself."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = self._key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "tls.key").write_bytes(private)
        (folder / "tls.crt").write_bytes(certificate.public_bytes(PEM))
        return certificate.public_bytes(PEM).decode()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
