"""The doors, as the plan configures them: who gets in, who gets what, and what is left of a push that was cut."""

from __future__ import annotations

import secrets
import ssl
from itertools import product

import httpx2
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from doors import EMPTY, MANIFEST, Client, Pki, Registry, digest, manifest, refused

from factory.plan import Body
from factory.plan.registry import READ, WRITE

WEIGHTS = secrets.token_bytes(300_000)


def writer(pki: Pki) -> ssl.SSLContext:
    """Somebody whom the writers' authority knows."""
    return pki.context(pki.writers.issue("trainer"))


def without_authority(config: Body) -> None:
    """What somebody did who found certificates a nuisance."""
    del config["http"]["tls"]["clientcas"], config["http"]["tls"]["clientauth"]


# Who gets in


def test_a_writer_pushes_and_everybody_pulls(registry: Registry, pki: Pki) -> None:
    """What goes in at one door comes out at the other, byte by byte, without a certificate."""
    with Client(registry.open(WRITE), writer(pki)) as trainer, Client(registry.open(READ), pki.context()) as node:
        model = trainer.push("v1", WEIGHTS)
        assert node.manifest("v1").content == node.manifest(digest(model)).content == model
        assert node.blob(digest(WEIGHTS)).content == WEIGHTS


def test_the_write_door_refuses_everybody_else(registry: Registry, pki: Pki) -> None:
    """Without a certificate, with one of another authority, with an expired one, with a server's: the handshake fails, reads included."""
    door = registry.open(WRITE)
    strangers = {
        "no certificate": None,
        "of another authority": pki.strangers.issue("mallory"),
        "expired": pki.writers.issue("former-trainer", days=-0.01),
        "a server's": pki.writers.issue("server", use=ExtendedKeyUsageOID.SERVER_AUTH),
        "the door's own": (pki.tls / "tls.crt", pki.tls / "tls.key"),
    }
    for pair in strangers.values():
        with Client(door, pki.context(pair)) as stranger:
            for attempt in (
                lambda it=stranger: it.http.get("/v2/"),
                lambda it=stranger: it.http.post("/v2/fraud/blobs/uploads/"),
                lambda it=stranger: it.push_manifest("v1", manifest()),
            ):
                with refused():
                    attempt()
    with Client(door, writer(pki)) as trainer:
        assert trainer.http.get("/v2/").status_code == 200
    assert registry.content() == {}


def test_without_the_writers_authority_a_stranger_gets_in(registry: Registry, pki: Pki) -> None:
    """What the test before shows, it shows of the two lines that are missing here."""
    door = registry.open(WRITE, without_authority)
    for pair in (None, pki.strangers.issue("mallory")):
        with Client(door, pki.context(pair)) as stranger:
            stranger.push("v1", WEIGHTS)


@pytest.mark.parametrize("door", [WRITE, READ])
def test_old_tls_is_refused(registry: Registry, pki: Pki, door: str) -> None:
    """Both doors speak TLS 1.3 and nothing older."""
    opened = registry.open(door)
    context = writer(pki)
    with Client(opened, context) as client:
        assert client.http.get("/v2/").status_code == 200
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Client(opened, context) as client, refused():
        client.http.get("/v2/")


# Who gets what

WRITING = ("PUT", "PATCH", "POST", "DELETE")


def every_write(trainer: Client, model: bytes) -> list[tuple[str, str]]:
    """Every method that writes on every kind of path, those of an upload that is open at the write door among them."""
    upload = httpx2.URL(trainer.begin())
    paths = [
        f"/v2/fraud/blobs/{digest(WEIGHTS)}",
        "/v2/fraud/blobs/uploads/",
        f"/v2/fraud/blobs/uploads/?digest={digest(EMPTY)}",
        f"/v2/fraud/blobs/uploads/?mount={digest(WEIGHTS)}&from=fraud",
        f"/v2/other/blobs/uploads/?mount={digest(WEIGHTS)}&from=fraud",
        upload.raw_path.decode(),
        f"{upload.raw_path.decode()}&digest={digest(EMPTY)}",
        upload.path,
        "/v2/fraud/manifests/v1",
        "/v2/fraud/manifests/v2",
        f"/v2/fraud/manifests/{digest(model)}",
        "/v2/other/manifests/v1",
        "/v2/fraud/tags/list",
        "/v2/_catalog",
    ]
    return [(method, path) for method, path in product(WRITING, paths)]


def write_all(door: Client, attempts: list[tuple[str, str]], model: bytes) -> dict[str, int]:
    """What a door answers to each."""
    answers = {}
    for method, path in attempts:
        content = model if "/manifests/" in path else EMPTY
        answers[f"{method} {path}"] = door.http.request(method, path, content=content, headers={"Content-Type": MANIFEST}).status_code
    return answers


def test_the_read_door_refuses_every_write(registry: Registry, pki: Pki) -> None:
    """Every method on every path, whoever asks: refused, and not one byte of the store is another."""
    with Client(registry.open(WRITE), writer(pki)) as trainer:
        model = trainer.push("v1", WEIGHTS)
        attempts = every_write(trainer, model)
    before = registry.content()
    door = registry.open(READ)
    for context in (pki.context(), writer(pki)):
        with Client(door, context) as node:
            answers = write_all(node, attempts, model)
            assert {what: code for what, code in answers.items() if code < 400} == {}
            node.http.request("POST", "/v2/")
            assert registry.content() == before
            assert node.manifest("v1").content == model


def test_a_read_door_that_is_not_read_only_takes_writes(registry: Registry, pki: Pki) -> None:
    """What the test before shows, it shows of the one line that is missing here."""

    def writable(config: Body) -> None:
        config["storage"]["maintenance"]["readonly"]["enabled"] = False

    with Client(registry.open(READ, writable), pki.context()) as node:
        node.push("v1", WEIGHTS)


def test_nobody_deletes(registry: Registry, pki: Pki) -> None:
    """A client certificate opens every repository, so not even a writer takes a model, a tag or a signature away."""
    with Client(registry.open(WRITE), writer(pki)) as trainer:
        model = trainer.push("v1", WEIGHTS)
        for path in (f"manifests/{digest(model)}", "manifests/v1", f"blobs/{digest(WEIGHTS)}"):
            assert trainer.http.delete(f"/v2/fraud/{path}").status_code == 405
        assert trainer.manifest("v1").content == model
        assert trainer.blob(digest(WEIGHTS)).content == WEIGHTS


def test_a_frozen_write_door_only_reads(registry: Registry, pki: Pki) -> None:
    """`frozen: true` in the spec closes it to writers, too."""
    with Client(registry.open(WRITE), writer(pki)) as trainer:
        model = trainer.push("v1", WEIGHTS)
    before = registry.content()
    with Client(registry.open(WRITE, frozen=True), writer(pki)) as trainer:
        assert trainer.manifest("v1").content == model
        assert trainer.http.post("/v2/fraud/blobs/uploads/").status_code == 405
        assert trainer.push_manifest("v2", model).status_code == 405
    assert registry.content() == before


def test_no_manifest_sends_a_node_elsewhere(registry: Registry, pki: Pki) -> None:
    """A manifest whose layers lie at a URL of somebody's own is refused."""
    with Client(registry.open(WRITE), writer(pki)) as trainer:
        trainer.push_blob(EMPTY)
        foreign = manifest(WEIGHTS).replace(b'"size": 300000', b'"size": 300000, "urls": ["https://evil.example/weights"]')
        assert b"urls" in foreign
        assert trainer.push_manifest("v1", foreign).status_code >= 400
        assert trainer.manifest("v1").status_code == 404


def test_a_variable_would_change_it(registry: Registry, pki: Pki) -> None:
    """Distribution takes variables that begin with REGISTRY_ for configuration. Kubernetes makes such ones of Services whose names do,
    unless a pod says no, as ours do."""
    door = registry.open(WRITE, environment={"REGISTRY_HTTP_TLS_CLIENTAUTH": "verify-client-cert-if-given"})
    with Client(door, pki.context()) as stranger:
        assert stranger.http.get("/v2/").status_code == 200
