"""An OCI registry (distribution-spec 1.1): blobs that go on where they were cut off, manifests, tags, and what refers to a digest."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import httpx2

from .credentials import DockerLogin
from .errors import ModelError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
"""The empty config of an artifact that has none (image-spec, artifact guidance)."""
CHUNK = 32 * 1024 * 1024
"""Bytes a request. Whole requests that arrived are never sent again."""
BLOCK = 1024 * 1024
"""Bytes between two looks at the progress."""
LARGEST = 4 * 1024 * 1024
"""Bytes of a manifest: what registries must take (distribution-spec), and the most that is read of one here."""
TRIES = 5
"""Attempts at a request that the network cut off, each after twice the wait of the last."""
WAIT = 0.5
"""Seconds before the second attempt."""

Advance = Callable[[int], None]
"""Told how many bytes more have arrived, or fewer where some must go again."""
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Door:
    """How a registry is entered."""

    ca: Path | None = None
    """PEM file of the authority behind its certificate. Absent: the system's authorities."""
    certificate: Path | None = None
    """PEM file of a client certificate, for a door that asks for one."""
    key: Path | None = None
    """PEM file of its key."""
    address: str | None = None
    """`host[:port]` to connect to. Absent: the host that the repository begins with."""

    def client(self) -> httpx2.Client:
        """A client for it. Raises ModelError: a file cannot be used."""
        for path in filter(None, (self.ca, self.certificate, self.key)):
            if not path.is_file():
                raise ModelError(f"{path} is not a file. Name a PEM file.")
        if (self.certificate is None) != (self.key is None):
            raise ModelError(
                "a client certificate needs its key, and a key its certificate: give both --client-certificate and --client-key."
            )
        try:
            context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate and self.key:
                context.load_cert_chain(self.certificate, self.key, password=lambda: b"")
        except (ssl.SSLError, OSError, ValueError) as error:
            names = ", ".join(str(path) for path in (self.ca, self.certificate, self.key) if path)
            raise ModelError(f"{names} cannot be used for TLS: {error}. Give PEM files, certificate and key of one pair.") from None
        return httpx2.Client(verify=context, timeout=httpx2.Timeout(30, read=300, write=300), auth=DockerLogin())


@dataclass(frozen=True, slots=True)
class Blob:
    """Content by its digest, with what opens it."""

    digest: str
    size: int
    path: Path | None = None
    data: bytes = b""

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """Up to `length` bytes from `start`, in blocks."""
        if self.path is None:
            yield self.data[start : start + length]
            return
        with self.path.open("rb") as file:
            file.seek(start)
            while length > 0 and (block := file.read(min(BLOCK, length))):
                length -= len(block)
                yield block


def blob(data: bytes) -> Blob:
    """Bytes as a blob."""
    return Blob(digest(data), len(data), data=data)


def digest(data: bytes) -> str:
    """`sha256:<64 hex digits>`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Repository:
    """One repository of a registry. Use as a context manager."""

    def __init__(self, name: str, door: Door) -> None:
        host, _, self.path = name.partition("/")
        self.name = name
        self.host = door.address or host
        self.door = door
        self._begun = False
        self.sent = 0
        """Bytes of blobs that have arrived there."""
        self._base = f"https://{self.host}/v2/{self.path}"
        self._client = door.client()

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def reference(self, digest: str) -> str:
        """How a program that enters by the same door names a digest."""
        return f"{self.host}/{self.path}@{digest}"

    def has(self, digest: str) -> bool:
        """Whether a blob is there."""
        return self._send("HEAD", f"{self._base}/blobs/{digest}", (200, 404)).status_code == 200

    def push(self, content: Blob, advance: Advance) -> bool:
        """Brings a blob there. False: it was there. Raises ModelError.

        What an earlier attempt, of this process or of another, has brought there stays; only the rest is sent.
        """
        if self.has(content.digest):
            advance(content.size)
            return False
        session = _Session(self._base, content.digest)
        place, start = self._begin(session)
        self._begun = True
        advance(start)
        failures = 0
        while start < content.size:
            length = min(CHUNK, content.size - start)
            seen = _Counter(advance)
            try:
                answer = self._patch(place, content, start, length, seen)
            except httpx2.TransportError as error:
                failures += 1
                if failures >= TRIES:
                    raise self._unreached(error) from None
                time.sleep(WAIT * 2**failures)
                answer = None
            if answer is not None and answer.status_code == 202:
                place, start, failures = self._place(answer), start + length, 0
                self.sent += length
                session.keep(place)
                continue
            if answer is not None and answer.status_code not in (404, 416, 500, 502, 503, 504):
                self._refuse(answer)
            if answer is not None and (failures := failures + 1) >= TRIES:
                self._refuse(answer)
            before = start
            place, start = self._begin(session)
            self.sent += max(start - before, 0)
            advance(start - before - seen.total)
        answer = self._send("PUT", _with(place, digest=content.digest), (201,), headers={"Content-Length": "0"})
        session.forget()
        return answer.status_code == 201

    def manifest(self, reference: str) -> tuple[Object, str] | None:
        """The manifest of a tag or a digest, and its digest; None where there is none. Raises ModelError.

        The content is checked against the digest that was asked for: a registry that lies is found out.
        """
        headers = {"Accept": f"{MANIFEST}, {INDEX}"}
        answer = self._send("GET", f"{self._base}/manifests/{reference}", (200, 404), headers=headers)
        if answer.status_code == 404:
            return None
        found = digest(answer.content)
        if reference.startswith("sha256:") and found != reference:
            raise ModelError(f"{self.host} answers {reference} with {found}: the registry is broken, or somebody has changed it.")
        return self._json(answer), found

    def fetch(self, digest: str, limit: int = LARGEST) -> bytes:
        """A small blob, checked against its digest. Raises ModelError: not there, over `limit` bytes, or not what its digest says."""
        hashed, data = hashlib.sha256(), b""
        try:
            with self._client.stream("GET", f"{self._base}/blobs/{digest}", follow_redirects=True) as answer:
                if answer.status_code != 200:
                    answer.read()
                    self._refuse(answer)
                for block in answer.iter_bytes():
                    hashed.update(block)
                    data += block
                    if len(data) > limit:
                        raise ModelError(f"{self.name}: blob {digest} is larger than {limit} bytes, which none of its kind is.")
        except httpx2.TransportError as error:
            raise self._unreached(error) from None
        if f"sha256:{hashed.hexdigest()}" != digest:
            raise ModelError(f"{self.name}: blob {digest} is not what its digest says: the registry is broken, or somebody has changed it.")
        return data

    def publish(self, manifest: Object, tag: str | None = None) -> str:
        """Puts a manifest, by tag or by digest alone, and returns its digest. Raises ModelError."""
        data = json.dumps(manifest, separators=(",", ":"), sort_keys=True).encode()
        named = digest(data)
        answer = self._send(
            "PUT", f"{self._base}/manifests/{tag or named}", (201,), content=data, headers={"Content-Type": manifest["mediaType"]}
        )
        subject = manifest.get("subject")
        if subject and not answer.headers.get("OCI-Subject"):
            self._list_referrer(subject["digest"], manifest, named, len(data))
        return named

    def referrers(self, subject: str, artifact_type: str) -> list[str]:
        """Digests of the artifacts of a type that refer to a digest, by the API or, where a registry has none, by the fallback tag."""
        answer = self._send("GET", f"{self._base}/referrers/{subject}", (200, 404), headers={"Accept": INDEX})
        if answer.status_code == 200:
            index = self._json(answer)
        else:
            found = self.manifest(subject.replace(":", "-"))
            index = {} if found is None else found[0]
        listed: list[Object] = [entry for entry in index.get("manifests") or () if isinstance(entry, dict)]
        return [str(entry["digest"]) for entry in listed if entry.get("artifactType") == artifact_type and "digest" in entry]

    def attach(self, subject: str, artifact_type: str, media_type: str, data: bytes) -> str:
        """Puts data there as an artifact that refers to a digest (distribution-spec 1.1, referrers), and returns its digest."""
        found = self.manifest(subject)
        if found is None:
            raise ModelError(f"{self.name}@{subject} is not in the registry.")
        size = len(self._send("GET", f"{self._base}/manifests/{subject}", (200,), headers={"Accept": MANIFEST}).content)
        nothing, content = blob(b"{}"), blob(data)
        for one in (nothing, content):
            self.push(one, lambda _: None)
        return self.publish(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": artifact_type,
                "config": {"mediaType": EMPTY, "digest": nothing.digest, "size": nothing.size},
                "layers": [{"mediaType": media_type, "digest": content.digest, "size": content.size}],
                "subject": {"mediaType": MANIFEST, "digest": subject, "size": size},
            }
        )

    def tags(self) -> list[str]:
        """Every tag; none where there is no such repository."""
        found: list[str] = []
        url: str | None = f"{self._base}/tags/list?n=1000"
        while url:
            answer = self._send("GET", url, (200, 404))
            if answer.status_code == 404:
                return found
            found += [str(tag) for tag in self._json(answer).get("tags") or ()]
            more = str(answer.links.get("next", {}).get("url") or "")
            url = urljoin(url, more) if more else None
        return found

    def _begin(self, session: _Session) -> tuple[str, int]:
        """Where to send the rest of a blob, and how many bytes are there: of the upload that was cut off, or of a new one."""
        if session.place:
            answer = self._send("GET", session.place, (204, 400, 404))
            if answer.status_code == 204:
                last = answer.headers.get("Range", "0-0").removeprefix("bytes=").partition("-")[2]
                return self._place(answer), int(last) + 1 if last.isdigit() and int(last) else 0
        answer = self._send("POST", f"{self._base}/blobs/uploads/", (202,), headers={"Content-Length": "0"})
        session.keep(place := self._place(answer))
        return place, 0

    def _patch(self, place: str, content: Blob, start: int, length: int, seen: _Counter) -> httpx2.Response:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(length),
            "Content-Range": f"{start}-{start + length - 1}",
        }
        return self._client.patch(place, headers=headers, content=seen.through(content.read(start, length)))

    def _place(self, answer: httpx2.Response) -> str:
        place = urljoin(str(answer.request.url), answer.headers.get("Location", ""))
        if not place.startswith("https://"):
            raise ModelError(
                f"{self.host} wants the upload at {place.partition('?')[0]}, which is not TLS. Set the registry's own address (http.host)."
            )
        return place

    def _list_referrer(self, subject: str, manifest: Object, named: str, size: int) -> None:
        """Adds to the fallback tag (distribution-spec 1.1, "Unavailable Referrers API")."""
        tag = subject.replace(":", "-")
        found = self.manifest(tag)
        index: Object = found[0] if found else {"schemaVersion": 2, "manifests": []}
        entry = {"mediaType": MANIFEST, "digest": named, "size": size, "artifactType": manifest["artifactType"]}
        others = [one for one in index.get("manifests") or () if one.get("digest") != named]
        self.publish({**index, "mediaType": INDEX, "manifests": [*others, entry]}, tag)

    def _send(self, method: str, url: str, allowed: Sequence[int], **options: Any) -> httpx2.Response:
        for attempt in range(TRIES):
            try:
                answer = self._client.request(method, url, **options)
            except httpx2.TransportError as error:
                if attempt + 1 == TRIES or not isinstance(error, httpx2.ReadError | httpx2.WriteError | httpx2.RemoteProtocolError):
                    raise self._unreached(error) from None
                time.sleep(WAIT * 2**attempt)
                continue
            if answer.status_code in (429, 502, 503, 504) and attempt + 1 < TRIES:
                time.sleep(WAIT * 2**attempt)
                continue
            break
        if answer.status_code not in allowed:
            self._refuse(answer)
        return answer

    def _json(self, answer: httpx2.Response) -> Object:
        try:
            if len(answer.content) > LARGEST:
                raise ValueError
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ModelError(f"{self.host} answers {answer.request.url.path} with something that is not a JSON object: is it a registry?")
        return found

    def _refuse(self, answer: httpx2.Response) -> None:
        try:
            said = "; ".join(f"{one['code']}: {one.get('message') or ''}".strip(": ") for one in answer.json()["errors"])
        except (ValueError, LookupError, TypeError):
            said = answer.reason_phrase
        hint = {
            401: " Sign in with docker login, or give --client-certificate and --client-key.",
            403: " This identity may not do that here.",
            405: " This door is for reading only: give the write door with --door.",
        }.get(answer.status_code, "")
        method, path = answer.request.method, answer.request.url.path
        raise ModelError(f"{self.host} refuses {method} {path}: {answer.status_code} {said}.{hint}")

    def _unreached(self, error: httpx2.TransportError) -> ModelError:
        fix = " Give the authority of its certificate with --ca." if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""
        if "CERTIFICATE_REQUIRED" in str(error).upper() or "alert" in str(error):
            fix = " Give --client-certificate and --client-key of an identity that may enter here."
        if self._begun:
            return ModelError(f"{self.host} has broken off: {_why(error)}. Run the same command again: it goes on where it was.")
        return ModelError(f"{self.host} cannot be reached: {_why(error)}.{fix or ' Check the address (--door) and the network.'}")


class _Counter:
    """Blocks on their way, counted."""

    def __init__(self, advance: Advance) -> None:
        self.total = 0
        self._advance = advance

    def through(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            yield block
            self.total += len(block)
            self._advance(len(block))


class _Session:
    """Where an upload that was cut off goes on: a file a blob, in the user's own state folder."""

    def __init__(self, base: str, content: str) -> None:
        self._path = state_folder() / "uploads" / hashlib.sha256(f"{base} {content}".encode()).hexdigest()
        try:
            self.place = self._path.read_text()
        except OSError:
            self.place = ""

    def keep(self, place: str) -> None:
        self.place = place
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = self._path.with_suffix(f".{os.getpid()}")
        kept.touch(mode=0o600)
        kept.write_text(place)
        kept.replace(self._path)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)


def state_folder() -> Path:
    """Where this command keeps what must outlive it: `${XDG_STATE_HOME:-~/.local/state}/ai-factory/model`."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ai-factory" / "model"


def _with(place: str, **query: str) -> str:
    url = httpx2.URL(place)
    return str(url.copy_merge_params(query))


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


__all__ = ["Blob", "Door", "Repository", "blob", "digest", "state_folder"]
