"""A push that is cut: nothing that can be read is half of something, and it goes on where it was."""

from __future__ import annotations

import random
import secrets
import ssl
import threading
from pathlib import Path

import httpx2
import pytest
from doors import EMPTY, Client, Pki, Registry, digest, manifest

from factory.plan.registry import READ, WRITE

WEIGHTS = [secrets.token_bytes(2_000_000) for _ in range(3)]


@pytest.fixture
def writer(pki: Pki) -> ssl.SSLContext:
    """Somebody whom the writers' authority knows."""
    return pki.context(pki.writers.issue("trainer"))


def cut(trainer: Client, location: str, content: bytes, after: int) -> None:
    """Announces all of the content, sends a part of it, and is gone."""

    def part() -> object:
        yield content[:after]
        raise ConnectionResetError

    try:
        trainer.http.request(
            "PATCH",
            location,
            content=part(),
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(len(content))},
        )
    except ConnectionResetError:
        return
    raise AssertionError("it was not cut")


def received(trainer: Client, location: str) -> tuple[str, int]:
    """Where an upload goes on, and how much of it is there."""
    answer = trainer.http.get(location)
    assert answer.status_code == 204, answer.text
    return answer.headers["Location"], int(answer.headers["Range"].split("-")[1]) + 1


def test_half_a_blob_is_no_blob(registry: Registry, pki: Pki, writer: ssl.SSLContext) -> None:
    """A connection that dies in the middle of a layer: no door knows the layer, the manifest or the tag."""
    with Client(registry.open(WRITE), writer) as trainer, Client(registry.open(READ), pki.context()) as node:
        trainer.push_blob(EMPTY)
        cut(trainer, trainer.begin(), WEIGHTS[0], after=700_000)
        for client in (trainer, node):
            assert client.blob(digest(WEIGHTS[0])).status_code == 404
            assert client.blob(digest(WEIGHTS[0][:700_000])).status_code == 404
            assert client.manifest("v1").status_code == 404
        answer = trainer.push_manifest("v1", manifest(WEIGHTS[0]))
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "MANIFEST_BLOB_UNKNOWN")
        assert node.manifest("v1").status_code == 404
        assert node.manifest(digest(manifest(WEIGHTS[0]))).status_code == 404
        assert node.http.get("/v2/fraud/tags/list").status_code == 404


def test_it_goes_on_where_it_was(registry: Registry, pki: Pki, writer: ssl.SSLContext) -> None:
    """The same upload, from another connection: what came is kept, only the rest is sent, and the digest is that of the whole."""
    with Client(registry.open(WRITE), writer) as trainer, Client(registry.open(READ), pki.context()) as node:
        trainer.push_blob(EMPTY)
        first = trainer.begin()
        answer = trainer.http.patch(first, content=WEIGHTS[0][:700_000], headers={"Content-Type": "application/octet-stream"})
        assert answer.status_code == 202
        cut(trainer, answer.headers["Location"], WEIGHTS[0][700_000:], after=300_000)
        with Client(trainer.door, writer) as again:
            location, there = received(again, answer.headers["Location"])
            assert 700_000 <= there < len(WEIGHTS[0])
            assert again.finish(location, WEIGHTS[0][there:], digest(WEIGHTS[0])).status_code == 201
            assert again.push_manifest("v1", manifest(WEIGHTS[0])).status_code == 201
        assert node.manifest("v1").content == manifest(WEIGHTS[0])
        assert node.blob(digest(WEIGHTS[0])).content == WEIGHTS[0]


def test_what_is_not_what_it_says_is_no_blob(registry: Registry, writer: ssl.SSLContext) -> None:
    """One byte is another: refused, and not there under either digest."""
    with Client(registry.open(WRITE), writer) as trainer:
        changed = bytes([WEIGHTS[0][0] ^ 1]) + WEIGHTS[0][1:]
        assert trainer.finish(trainer.begin(), changed, digest(WEIGHTS[0])).status_code == 400
        for content in (WEIGHTS[0], changed):
            assert trainer.blob(digest(content)).status_code == 404


@pytest.mark.parametrize("run", range(4))
def test_a_killed_door_leaves_whole_models_only(registry: Registry, pki: Pki, writer: ssl.SSLContext, run: int) -> None:
    """`kill -9` of the write door during pushes: afterwards every tag leads to a manifest all of whose blobs are whole; every push that was
    acknowledged is there; and pushing the same again succeeds."""
    models = {f"v{number}": [*WEIGHTS[: 1 + number % 3], secrets.token_bytes(300_000)] for number in range(12)}
    acknowledged: list[str] = []
    door = registry.open(WRITE)

    def push() -> None:
        try:
            with Client(door, writer) as trainer:
                for tag, layers in models.items():
                    trainer.push(tag, *layers)
                    acknowledged.append(tag)
        except httpx2.TransportError:
            pass

    pushing = threading.Thread(target=push)
    pushing.start()
    pushing.join(random.Random(run).uniform(0.05, 0.6))
    door.kill()
    pushing.join()

    with Client(registry.open(READ), pki.context()) as node:
        for tag, layers in models.items():
            answer = node.manifest(tag)
            assert answer.status_code in (200, 404)
            if answer.status_code == 200:
                assert answer.content == manifest(*layers)
                assert [node.blob(digest(layer)).content for layer in (EMPTY, *layers)] == [EMPTY, *layers]
            else:
                assert tag not in acknowledged
        with Client(registry.open(WRITE), writer) as trainer:
            for tag, layers in models.items():
                trainer.push(tag, *layers)
        assert {tag: node.manifest(tag).content for tag in models} == {tag: manifest(*layers) for tag, layers in models.items()}


def test_nothing_is_written_beside_the_store(registry: Registry, writer: ssl.SSLContext, tmp_path: Path) -> None:
    """The pod's file system is read-only but for the store."""
    before = {path for path in tmp_path.rglob("*") if registry.store not in (path, *path.parents)}
    with Client(registry.open(WRITE), writer) as trainer:
        trainer.push("v1", WEIGHTS[0])
        written = {path for path in tmp_path.rglob("*") if registry.store not in (path, *path.parents)} - before
        assert written == {trainer.door.log, trainer.door.log.with_suffix(".yml")}
