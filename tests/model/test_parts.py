"""What needs no program: names, provenance, signing in, progress."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from team import DATA, SPEC

from factory import cli
from factory.load import load_object
from factory.model import check as check_module
from factory.model.artifact import Artifact, File, media_type
from factory.model.attestation import PROVENANCE, TEST_RESULT, Input, find_trainer, provenance
from factory.model.bill import describes, plan_bill
from factory.model.check import Check, Subject
from factory.model.credentials import DockerLogin
from factory.model.errors import ModelError
from factory.model.progress import progress, show_size
from factory.model.reference import pinned, read_reference
from factory.model.registry import Blob, Door
from factory.model.vault import Vault, sign_in
from factory.spec import Factory, Signer


def build(change: Callable[[dict[str, Any]], None] | None = None) -> Factory:
    """The factory of these tests, with a change."""
    spec = yaml.safe_load(SPEC.replace("REGISTRY", "registry.helix.example"))
    for signer in spec["signers"]:
        signer["publicKeys"] = [f"-----BEGIN PUBLIC KEY-----\n{signer['name']}\n-----END PUBLIC KEY-----\n"]
    if change:
        change(spec)
    return load_object(spec)


@pytest.fixture
def factory() -> Factory:
    return build()


def test_references(factory: Factory) -> None:
    """A digest pins, a tag does not, and whoever must pin is told so."""
    found = pinned(factory, f"fraud@{DATA}")
    assert (found.model.repository, found.version) == ("registry.helix.example/models/fraud", DATA)
    assert not read_reference(factory, "fraud:1.4.0").pinned
    with pytest.raises(ModelError, match="a tag can be moved"):
        pinned(factory, "fraud:1.4.0")


@pytest.mark.parametrize(
    "text", ["", "fraud", "fraud:", "fraud:-x", "fraud@", "fraud@sha256:ABC", f"fraud@{DATA}0", "fraud:a b", f"fraud:1@{DATA}"]
)
def test_references_that_name_nothing(factory: Factory, text: str) -> None:
    """None is guessed at."""
    with pytest.raises(ModelError):
        read_reference(factory, text)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.safetensors", "weight"),
        ("weights", "weight"),
        ("model.safetensors.age", "weight"),
        ("config.json", "weight.config"),
        ("deep/tokenizer.model", "weight.config"),
        ("README.md", "doc"),
        ("LICENSE", "doc"),
        ("serve.py", "code"),
    ],
)
def test_media_types(name: str, kind: str) -> None:
    """ModelPack tells weights, their configuration, documents and code apart."""
    assert media_type(name) == f"application/vnd.cncf.model.{kind}.v1.raw"


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "another builder": lambda found: found["runDetails"]["builder"].update(id="spiffe://helix.example/segment/training/workload/notebook"),
    "another trust domain": lambda found: found["runDetails"]["builder"].update(
        id="spiffe://evil.example/segment/training/workload/trainer"
    ),
    "another segment": lambda found: found["buildDefinition"]["externalParameters"].update(segment="inference"),
    "a dataset that it may not read": lambda found: found["buildDefinition"]["resolvedDependencies"].append({"name": "secrets"}),
    "no builder": lambda found: found.pop("runDetails"),
    "no definition": lambda found: found.pop("buildDefinition"),
    "nonsense for a builder": lambda found: found.update(runDetails=[1]),
    "nonsense for inputs": lambda found: found["buildDefinition"].update(resolvedDependencies=[1]),
}


def test_provenance_names_the_producer(factory: Factory) -> None:
    """Provenance as this command writes it names its trainer."""
    trainer = factory.workload["training/trainer"]
    found = provenance(factory, factory.model["fraud"], "1", trainer, [Input("claims", DATA)], "run-7")
    assert find_trainer(factory, factory.model["fraud"], found) is trainer
    assert found["runDetails"]["metadata"] == {"invocationId": "run-7"}


@pytest.mark.parametrize("change", CHANGES)
def test_provenance_that_names_nobody(factory: Factory, change: str) -> None:
    """Each change makes it worthless."""
    found = provenance(factory, factory.model["fraud"], "1", factory.workload["training/trainer"], [Input("claims", DATA)], None)
    CHANGES[change](found)
    assert find_trainer(factory, factory.model["fraud"], found) is None


class Said:
    """cosign, as if signers had said these things."""

    def __init__(self, **by: list[dict[str, Any]]) -> None:
        self.by = by

    def statements(self, reference: str, predicate_type: str, signer: Signer) -> list[dict[str, Any]]:
        return [one for one in self.by.get(signer.name, []) if one["predicateType"] == predicate_type]


class Nowhere:
    """A registry that nobody asks."""

    def reference(self, digest: str) -> str:
        return digest


def judge(factory: Factory, check: str, **said: list[dict[str, Any]]) -> Check:
    """One check on a model of which nothing is known but what was said."""
    artifact = Artifact("registry.helix.example/models/fraud", DATA, "fraud", "1", (), (), ())
    subject = Subject(factory, factory.model["fraud"], artifact, Nowhere(), Said(**said))  # type: ignore[arg-type]
    question = {"validation": check_module._validation, "provenance": check_module._provenance}[check]
    return check_module._ask(check, question, subject)


def test_nobody_validates_their_own_work_without_a_key_either(factory: Factory) -> None:
    """A producer that signs by identity is known by its workload."""
    by_identity = {
        "issuer": "https://login.helix.example",
        "subject": "trainer@helix.example",
        "fulcio": "https://fulcio.helix.example",
        "roots": "-----BEGIN CERTIFICATE-----\n",
        "rekor": "https://rekor.helix.example",
        "rekorKey": "-----BEGIN PUBLIC KEY-----\n",
        "tuf": "https://tuf.helix.example",
        "tufRoot": base64.b64encode(b'{"signed": {}}').decode(),
    }

    def own(spec: dict[str, Any]) -> None:
        spec["signers"][1] = {"name": "judge", "workload": "training/trainer", "keyless": by_identity}

    passed = [{"predicateType": TEST_RESULT, "predicate": {"result": "PASSED"}}]
    assert judge(factory, "validation", judge=passed).passed
    found = judge(build(own), "validation", judge=passed)
    assert (found.passed, found.says) == (False, "judge is training/trainer, which produces it: nobody validates their own work")


def test_one_bad_word_is_enough() -> None:
    """What one validator found bad, no other makes good, in whatever order they are heard."""
    two = build(lambda spec: spec["models"][0].update(validators=["judge", "stranger"]))
    passed, failed, strange = ([{"predicateType": TEST_RESULT, "predicate": {"result": result}}] for result in ("PASSED", "FAILED", None))
    assert judge(two, "validation", stranger=passed).says == "passed, says stranger"
    for bad, word in ((failed, "FAILED"), (strange, "None")):
        assert judge(two, "validation", judge=bad, stranger=passed).says == f"{word}, says judge"
        assert judge(two, "validation", judge=passed, stranger=bad).says == f"{word}, says stranger"


def test_a_producer_speaks_for_itself() -> None:
    """Of two producers, one does not say what the other has made; a signer of the model may."""
    both = build(lambda spec: spec["workloads"][1].update(produces=["fraud"]))
    notebook = both.workload["training/notebook"]
    predicate = provenance(both, both.model["fraud"], "1", notebook, [], None)
    made = [{"predicateType": PROVENANCE, "predicate": predicate}]
    found = judge(both, "provenance", trainer=made)
    assert (found.passed, found.says) == (False, "trainer says that training/notebook trained it, and is training/trainer")
    assert judge(both, "provenance", release=made).passed


def test_a_bill_is_of_one_digest() -> None:
    """That of another version, or of another model, or no bill at all, says nothing of this one."""
    artifact = Artifact("registry.helix.example/models/fraud", DATA, "fraud", "1", ("Apache-2.0",), (), (File("w", DATA, 1),))
    bill = plan_bill(artifact)
    assert describes(bill, artifact)
    assert not describes(bill, replace(artifact, digest="sha256:" + "8" * 64))
    assert not describes(bill, replace(artifact, name="base"))
    for nothing in ({}, {"metadata": []}, {"metadata": {"component": {"hashes": 1}}}):
        assert not describes(nothing, artifact)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `docker login` leaves."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    secret = base64.b64encode(b"robot:hunter2").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.example": {"auth": secret}}}))
    return tmp_path


def test_signs_in_with_a_token(docker: Path) -> None:
    """The registry's challenge is answered where it says, with the user's password there and the token here; a token is asked for once."""
    seen: list[tuple[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append((request.url.host, request.headers.get("Authorization", "")))
        if request.url.host == "auth.example":
            assert dict(request.url.params) == {"service": "registry", "scope": "repository:a:pull"}
            return httpx2.Response(200, json={"token": "t0k3n"})
        if request.headers.get("Authorization") == "Bearer t0k3n":
            return httpx2.Response(200)
        challenge = 'Bearer realm="https://auth.example/token",service="registry",scope="repository:a:pull"'
        return httpx2.Response(401, headers={"WWW-Authenticate": challenge})

    with httpx2.Client(transport=httpx2.MockTransport(answer), auth=DockerLogin()) as client:
        assert [client.get("https://registry.example/v2/").status_code for _ in range(2)] == [200, 200]
    basic = f"Basic {base64.b64encode(b'robot:hunter2').decode()}"
    assert seen == [
        ("registry.example", ""),
        ("auth.example", basic),
        ("registry.example", "Bearer t0k3n"),
        ("registry.example", "Bearer t0k3n"),
    ]


def test_signs_in_with_a_password(docker: Path) -> None:
    """Basic, where the registry asks for that; and no password for a registry that it is not for, nor over anything but TLS."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("Authorization"):
            return httpx2.Response(200)
        how = 'Basic realm="x"' if request.url.path != "/plain" else 'Bearer realm="http://auth.example/token"'
        return httpx2.Response(401, headers={"WWW-Authenticate": how})

    with httpx2.Client(transport=httpx2.MockTransport(answer), auth=DockerLogin()) as client:
        assert client.get("https://other.example/v2/").status_code == 401
        assert client.get("https://registry.example/plain").status_code == 401
        assert client.get("https://registry.example/v2/").status_code == 200


def test_signs_in_with_a_helper(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential helper is asked, as Docker asks it."""
    (docker / "config.json").write_text(json.dumps({"credHelpers": {"registry.example": "ours"}}))
    helper = docker / "docker-credential-ours"
    helper.write_text('#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = registry.example ] && echo \'{"Username": "u", "Secret": "p"}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(docker), prepend=":")

    def answer(request: httpx2.Request) -> httpx2.Response:
        right = request.headers.get("Authorization") == f"Basic {base64.b64encode(b'u:p').decode()}"
        return httpx2.Response(200 if right else 401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    with httpx2.Client(transport=httpx2.MockTransport(answer), auth=DockerLogin()) as client:
        assert client.get("https://registry.example/v2/").status_code == 200


def test_keys_travel_over_tls_only(tmp_path: Path) -> None:
    """A token of a ServiceAccount is never sent in the clear, and no session shows its token."""
    (token := tmp_path / "token").write_text("eyJ")
    with pytest.raises(ModelError, match="is not an https address"):
        sign_in("http://openbao.example", "helix/transit", "helix/kubernetes", "a.b", token)
    assert "s3cret" not in repr(Vault("https://openbao.example", "s3cret", "helix/transit"))


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    """One without the other is refused before anything is sent, and so is what is not PEM."""
    (one := tmp_path / "one.pem").write_text("nothing")
    with pytest.raises(ModelError, match="a client certificate needs its key"):
        Door(certificate=one).client()
    with pytest.raises(ModelError, match="cannot be used for TLS"):
        Door(ca=one).client()


def test_a_blob_from_the_middle(tmp_path: Path) -> None:
    """What is sent after a break is exactly the rest."""
    (path := tmp_path / "file").write_bytes(data := bytes(range(256)) * 20)
    for blob in (Blob("", len(data), path), Blob("", len(data), data=data)):
        assert b"".join(blob.read(1000, 3000)) == data[1000:4000]
        assert b"".join(blob.read(5000, 3000)) == data[5000:]


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody looks, a bar says what moves, how far, how fast."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress() as begin:
        begin("push weights", 2 * 1024 * 1024)(1024 * 1024)
    assert "push weights" in terminal.getvalue()
    assert "1.0/2.1 MB" in terminal.getvalue() or "1.0/2.0 MiB" in terminal.getvalue()


def test_sizes() -> None:
    """Sizes in binary units."""
    assert [show_size(size) for size in (0, 1023, 1024, 5 * 1024**3)] == ["0 B", "1023 B", "1.0 KiB", "5.0 GiB"]


def test_other_commands_do_not_pay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No other command imports what this one needs."""
    for name in [name for name in sys.modules if name.startswith("factory.model")]:
        monkeypatch.delitem(sys.modules, name)
    assert cli.main(["schema"]) == 0
    assert not any(name.startswith("factory.model") for name in sys.modules)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has not installed it is told how."""
    monkeypatch.setitem(sys.modules, "factory.model.command", None)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    assert cli.main(["model", "list", str(tmp_path / "stack.yaml")]) == 1
    assert "pip install '.[models]' in a clone" in capsys.readouterr().err
