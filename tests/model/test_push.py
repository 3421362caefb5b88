"""How a folder comes into the registry: resumed where it was cut off, never under a taken name, after the ModelPack specification."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from team import Registry, Team

from factory.model import registry as registry_module
from factory.model.artifact import read_artifact
from factory.model.registry import Door, Repository

pytestmark = pytest.mark.lab


class Wire:
    """A wire to the write door that can be cut after so many bytes."""

    def __init__(self, target: str) -> None:
        host, port = target.split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.left: int | None = None
        self.carried = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.left is not None and self.left <= 0:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                for source, target, counts in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=(source, target, counts), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if counts:
                    self.carried += len(data)
                    if self.left is not None:
                        self.left -= len(data)
                        if self.left <= 0:
                            break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def wire(registry: Registry) -> Iterator[Wire]:
    wire = Wire(registry.write)
    yield wire
    wire.close()


def test_goes_on_where_it_was_cut_off(team: Team, registry: Registry, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that breaks in the middle of a file leaves nothing that can be read; the next one sends only the rest."""
    monkeypatch.setattr(registry_module, "WAIT", 0.01)
    monkeypatch.setattr(registry_module, "CHUNK", size := 4 * 1024 * 1024)
    size *= 8
    folder = team.model("big", **{"model.safetensors": os.urandom(size)})
    wire.left = size * 5 // 8 + 1_000_000
    answer = team.ask("push", "fraud", folder, "--version", "big", "--door", wire.address)
    assert answer.code == 1
    assert "Run the same command again: it goes on where it was." in answer.err
    with registry.client() as client:
        assert "big" not in client.get("helix/tags/list").text
        assert client.get("models/fraud/manifests/big").status_code == 404
    wire.left, wire.carried = None, 0
    again = team.do("push", "fraud", folder, "--version", "big", "--door", wire.address, "--format", "json").json
    assert wire.carried < size // 2
    with Repository(f"{registry.write}/models/fraud", Door(registry.ca, registry.writer.certificate, registry.writer.key)) as repository:
        assert sum(file.size for file in read_artifact(repository, again["digest"]).files) > size
    assert not list((team.folder / "state").rglob("uploads/*"))


def test_a_short_break_is_bridged(team: Team, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """One lost connection ends nothing: the same command goes on by itself."""
    monkeypatch.setattr(registry_module, "CHUNK", 1024 * 1024)
    folder = team.model("short", **{"model.safetensors": os.urandom(6 * 1024 * 1024)})
    wire.left = 3_000_000
    monkeypatch.setattr(registry_module.time, "sleep", lambda _: setattr(wire, "left", None))
    assert team.do("push", "fraud", folder, "--version", "short", "--door", wire.address, "--format", "json").json["sent"] > 0
    assert wire.carried < 8_000_000


def test_sends_nothing_twice(team: Team, wire: Wire) -> None:
    """What is there is not sent again, and the same folder has the same digest."""
    folder = team.model("twice", **{"model.safetensors": os.urandom(1024 * 1024)})
    first = team.do("push", "fraud", folder, "--version", "twice", "--licence", "Apache-2.0", "--format", "json").json
    second = team.do(
        "push", "fraud", folder, "--version", "twice", "--licence", "Apache-2.0", "--format", "json", "--door", wire.address
    ).json
    assert second["digest"] == first["digest"]
    assert second["sent"] == 0
    assert wire.carried < 100_000


def test_versions_are_never_moved(team: Team, registry: Registry) -> None:
    """Another folder under a version that exists is refused, and the version stays what it was."""
    first = team.push("fixed")
    said = team.refused("push", "fraud", team.model("other"), "--version", "fixed")
    assert "versions are never moved" in said
    with registry.client() as client:
        assert (
            client.head("models/fraud/manifests/fixed", headers={"Accept": registry_module.MANIFEST}).headers["Docker-Content-Digest"]
            in first
        )


def test_what_is_there_is_a_model_pack(team: Team, registry: Registry) -> None:
    """Media types and config are those of the ModelPack specification, and each layer is a file as it is."""
    folder = team.model("pack", **{"run.py": b"print()", "model.safetensors": b"weights"})
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs")
    given = ("--version", "pack", "--licence", "Apache-2.0 OR MIT", "--dataset", "claims", "--format", "json")
    named = team.do("push", "fraud", folder, *given).json["digest"]
    with registry.client() as client:
        manifest = client.get(f"models/fraud/manifests/{named}", headers={"Accept": registry_module.MANIFEST}).json()
        config = client.get(f"models/fraud/blobs/{manifest['config']['digest']}").json()
        files = {
            layer["annotations"]["org.cncf.model.filepath"]: (
                layer["mediaType"],
                client.get(f"models/fraud/blobs/{layer['digest']}").content,
            )
            for layer in manifest["layers"]
        }
    assert manifest["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.model.config.v1+json"
    assert {name: kind.removeprefix("application/vnd.cncf.model.") for name, (kind, _) in files.items()} == {
        "README.md": "doc.v1.raw",
        "model.json": "weight.config.v1.raw",
        "model.safetensors": "weight.v1.raw",
        "run.py": "code.v1.raw",
        "tokenizer/vocab.json": "weight.config.v1.raw",
    }
    assert all(content == (folder / name).read_bytes() for name, (_, content) in files.items())
    assert config["descriptor"] == {
        "name": "fraud",
        "version": "pack",
        "licenses": ["Apache-2.0 OR MIT"],
        "datasetsURL": ["https://helix.example/datasets/claims"],
    }
    assert config["modelfs"] == {"type": "layers", "diffIds": [layer["digest"] for layer in manifest["layers"]]}


def test_the_read_door_only_reads(team: Team, registry: Registry) -> None:
    """Whoever has no certificate may look, and verify; nobody writes by that door."""
    team.push("seen")
    reading = ["--door", registry.read, "--ca", registry.ca]
    assert "seen" in team.run("list", team.stack, "fraud", *reading).out
    said = team.run("push", team.stack, "fraud", team.model("unseen"), "--version", "unseen", *reading)
    assert said.code == 1
    assert "This door is for reading only: give the write door with --door." in said.err


def test_the_write_door_asks_for_a_certificate(team: Team, registry: Registry) -> None:
    """No certificate, and one of another authority, are refused, in words that say what is missing."""
    folder = team.model("closed")
    foreign = ["--client-certificate", registry.stranger.certificate, "--client-key", registry.stranger.key]
    for more in ([], foreign):
        answer = team.run("push", team.stack, "fraud", folder, "--version", "closed", "--ca", registry.ca, *more)
        assert answer.code == 1
        assert "Give --client-certificate and --client-key of an identity that may enter here." in answer.err
    answer = team.run("push", team.stack, "fraud", folder, "--version", "closed")
    assert "Give the authority of its certificate with --ca." in answer.err


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("fruad", (), 'Did you mean "fraud"?'),
        ("fraud", ("--version", "sha256-1"), '"sha256-1" cannot be a version'),
        ("fraud", ("--version", "no spaces"), '"no spaces" cannot be a version'),
        ("fraud", ("--licence", "Apache 2"), '"Apache 2" is not an SPDX licence'),
        ("fraud", ("--dataset", "claim"), 'Did you mean "claims"?'),
        ("fraud", ("--ca", "nowhere.pem"), "nowhere.pem is not a file"),
        ("fraud", ("--client-key", "conftest.py"), "conftest.py is not a file"),
        ("fraud", ("--seal",), "it is not said where OpenBao is"),
        ("fraud", ("--seal", "--vault", "https://127.0.0.1:1"), "OpenBao does not know who asks"),
    ],
)
def test_bad_words(team: Team, model: str, more: tuple[str, ...], words: str) -> None:
    """Each mistake is one line, with what to do instead."""
    answer = team.run("push", team.stack, model, team.model(), "--version", "1", *team.door, *more)
    assert answer.code == 1
    assert words in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "is not a folder"),
        (lambda folder: folder.mkdir(), "holds no file"),
        (lambda folder: (folder.mkdir(), (folder / "link").symlink_to("/etc/passwd")), "is a link"),
        (lambda folder: (folder.mkdir(), os.mkfifo(folder / "pipe")), "is not a file"),
        (lambda folder: (folder.mkdir(), (folder / "a\nb").write_text("")), "has a name that cannot be mounted everywhere"),
    ],
)
def test_bad_folders(team: Team, make: object, words: str) -> None:
    """What is not a folder of plain files is refused before anything is sent."""
    folder = team.folder / "bad"
    make(folder)  # type: ignore[operator]
    assert words in team.refused("push", "fraud", folder, "--version", "bad")


def test_a_registry_that_lies_is_found_out(team: Team, registry: Registry) -> None:
    """A blob that was changed on the registry's disk is not taken for what its digest says."""
    reference = team.push("changed")
    with registry.client() as client:
        digest = reference.partition("@")[2]
        config = client.get(f"models/fraud/manifests/{digest}", headers={"Accept": registry_module.MANIFEST}).json()["config"]["digest"]
    hexed = config.removeprefix("sha256:")
    data = Path(registry.store / "docker/registry/v2/blobs/sha256" / hexed[:2] / hexed / "data")
    kept = data.read_bytes()
    data.write_bytes(kept.replace(b'"fraud"', b'"freud"'))
    try:
        assert "is not what its digest says" in team.refused("verify", reference)
    finally:
        data.write_bytes(kept)


def test_progress_is_a_line_each_where_there_is_no_terminal(team: Team) -> None:
    """No control characters in a log, and standard output is the answer alone."""
    answer = team.do("push", "fraud", team.model("lines"), "--version", "lines")
    assert answer.out.count("\n") == 1
    assert "push model.json: " in answer.err
    assert "\x1b" not in answer.err + answer.out
    assert json.loads(team.do("push", "fraud", team.model("lines"), "--version", "lines", "--format", "json").out)["version"] == "lines"
