"""Signing by identity, on the real registry and cosign, at an organisation's own Sigstore: a stand-in for its Fulcio and Rekor."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from own_sigstore import Sigstore, serve
from team import DATA, Answer, Registry, Team, write_stack

from lab.certificate import SERVER, Authority

pytestmark = pytest.mark.lab

APPROVE = ("--approver", "staff:alice")
PEOPLE = {"people": "alice@helix.example", "tester": "judy@helix.example", "maker": "tom@helix.example"}


@pytest.fixture
def sigstore(team: Team, registry: Registry, keys: tuple[Any, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Sigstore]:
    """The organisation's Sigstore, and a spec in which three people sign by identity; `other` is the tester by another name."""
    authority = Authority(team.folder, "sigstore")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pair.certificate))
    with serve(authority.issue("services", hosts=["127.0.0.1"], uses=(SERVER,))) as found:

        def by_identity(spec: dict[str, Any]) -> None:
            spec["signers"] += [{"name": name, "keyless": found.keyless(subject)} for name, subject in PEOPLE.items()]
            spec["signers"][-1]["workload"] = "training/trainer"
            spec["signers"].append({"name": "other", "keyless": found.keyless(PEOPLE["maker"])})
            spec["models"][0] |= {"signers": ["people", "release"], "validators": ["tester", "other"]}

        write_stack(team.stack, registry.write, keys[1], by_identity)
        yield found


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked of anybody who is not on loopback, by a proxy that answers nothing."""
    asked: list[str] = []
    proxy = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            try:
                one, _ = proxy.accept()
            except OSError:
                return
            with one:
                asked.append(one.recv(200).decode(errors="replace").split("\r\n")[0])

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    for name in ("HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield asked
    proxy.shutdown(socket.SHUT_RDWR)
    proxy.close()
    thread.join()


def as_(team: Team, sigstore: Sigstore, signer: str, subject: str | None = None) -> list[str]:
    """How somebody signs as a signer; the token is that signer's own, or somebody else's."""
    path = team.folder / "token"
    path.write_text(sigstore.token(subject or PEOPLE[signer]) + "\n")
    return ["--keyless", signer, "--identity-token", str(path)]


def test_all_the_way_without_a_key(team: Team, sigstore: Sigstore, public: list[str]) -> None:
    """Sign, attest, validate, promote by identity: every check holds, each signature is in the log, the public Sigstore is never asked,
    and no token is in what is printed, kept or pushed."""
    reference = team.push("by-identity")
    said: list[Answer] = []

    def do(command: str, *more: str | Path) -> None:
        said.append(team.do(command, reference, *more))

    do("sign", *as_(team, sigstore, "people"))
    do("attest training", "--by", "training/trainer", "--dataset", f"claims@{DATA}", *as_(team, sigstore, "maker"))
    do("attest validation", "--suite", team.stack, "--test", "accuracy", *as_(team, sigstore, "tester"))
    do("promote", *APPROVE, *as_(team, sigstore, "people"))
    assert sigstore.asked == ["/api/v2/signingCert", "/api/v1/log/entries"] * 6
    do("verify")
    for line in (
        "ok  signature:  signed by people",
        "ok  files:      3 files, signed by people",
        "ok  bill:       bill of materials by people",
        "ok  provenance: trained by training/trainer from claims, says maker",
        "ok  validation: passed, says tester",
        "ok  promotion:  approved by staff:alice, signed by people",
    ):
        assert line in said[-1].out
    assert public == []
    (team.folder / "token").unlink()
    assert len(sigstore.tokens) == 4
    everything = "".join(one.out + one.err for one in said)
    kept = [path.read_bytes() for folder in (team.folder, team.folder / "state") for path in folder.rglob("*") if path.is_file()]
    for token in sigstore.tokens:
        assert token not in everything
        assert not any(token.encode() in content for content in kept)


def test_keys_ask_nobody(team: Team, public: list[str]) -> None:
    """Signing and verifying with keys asks nothing of the public Sigstore either."""
    reference = team.release("quiet-keys")
    team.do("promote", reference, *APPROVE, *team.key("release"))
    team.do("verify", reference)
    assert public == []


def test_somebody_else(team: Team, sigstore: Sigstore) -> None:
    """Whoever has another's token signs nothing that counts, and is told; so is whoever names a signer that may not."""
    reference = team.push("stolen")
    other = as_(team, sigstore, "people", "mallory@helix.example")
    assert "what was signed is not the word of people: alice@helix.example by" in team.refused("sign", reference, *other)
    answer = team.ask("verify", reference, "--stage", "Validation", "--format", "json")
    assert [one["says"] for one in answer.json["checks"]] == [
        "not signed by any of its signers: people, release",
        "their signature is not in the registry",
        "no bill of materials of exactly this version by any of its signers",
    ]
    assert "what was signed is not the word of tester" in team.refused(
        "attest validation", reference, "--suite", team.stack, *as_(team, sigstore, "tester", "mallory@helix.example")
    )
    before = len(sigstore.asked)
    refused = {
        "tester": "tester is not one of those who may sign fraud: people, release",
        "release": "release signs with a key, and has no keyless in the spec",
        "peeple": 'Did you mean "people"?',
    }
    for signer, words in refused.items():
        assert words in team.refused("sign", reference, *as_(team, sigstore, signer, "alice@helix.example"))
    assert len(sigstore.asked) == before


def test_nobody_validates_their_own_work_by_identity(team: Team, sigstore: Sigstore) -> None:
    """The producer's identity under another name is still the producer's."""
    reference = team.push("own-identity")
    team.do("sign", reference, *as_(team, sigstore, "people"))
    team.do("attest validation", reference, "--suite", team.stack, *as_(team, sigstore, "other", PEOPLE["maker"]))
    answer = team.ask("verify", reference, "--format", "json")
    found = next(one for one in answer.json["checks"] if one["name"] == "validation")
    assert (found["passed"], "nobody validates their own work" in found["says"]) == (False, True)


def test_a_log_that_the_spec_does_not_know(team: Team, sigstore: Sigstore, registry: Registry, keys: tuple[Any, dict[str, str]]) -> None:
    """A Rekor with another key: nothing is signed, and what was signed under its old key is not taken as signed."""
    reference = team.push("logged")
    team.do("sign", reference, *as_(team, sigstore, "people"))

    def another(spec: dict[str, Any]) -> None:
        people = {**sigstore.keyless(PEOPLE["people"]), "rekorKey": keys[1]["stranger"]}
        spec["signers"].append({"name": "people", "keyless": people})
        spec["models"][0]["signers"] = ["people"]

    write_stack(team.stack, registry.write, keys[1], another)
    answer = team.ask("verify", reference, "--stage", "Validation", "--format", "json")
    assert not any(one["passed"] for one in answer.json["checks"])
    assert "cosign cannot sign" in team.refused("sign", reference, *as_(team, sigstore, "people"))


def test_the_loader(team: Team, sigstore: Sigstore, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pod it knows the signer by identity, asks nobody and needs no folder of its own; it refuses other files, other people and
    another log. Once the files are signed with a key too, the pod trusts that."""
    reference = team.push("loaded-by-identity")
    team.do("sign", reference, *as_(team, sigstore, "people"))
    told = ("--as", "evaluation/judge", "--image", "registry.helix.example/apps/server", "--loader", "registry.helix.example/apps/loader")
    trusted, pod = yaml.safe_load_all(team.do("pod", reference, *told).out)
    words = [word.replace("/trust/", f"{team.folder}/") for word in pod["spec"]["initContainers"][0]["command"][5:]]
    for name, content in trusted["data"].items():
        (team.folder / name).write_text(content)
    message, folder, before = team.folder / "message", team.model("fraud-loaded-by-identity"), len(sigstore.asked)

    def load(*words: str) -> dict[str, Any]:
        answer = team.run("load", "fraud", folder, *words, "--message", message)
        verdict: dict[str, Any] = json.loads(message.read_text())
        assert (answer.code == 0) == (verdict["verdict"] == "Loaded")
        return verdict

    with monkeypatch.context() as context:
        for name in ("HOME", "TMPDIR", "XDG_STATE_HOME"):
            context.setenv(name, "/nowhere")
        assert load(*words) == {"model": "fraud", "verdict": "Loaded", "because": "signed", "signer": PEOPLE["people"], "files": 3}
        assert len(sigstore.asked) == before
    other = [word.replace(PEOPLE["people"], PEOPLE["maker"]) for word in words]
    assert load(*other)["because"] == f"{team.folder}/model.sig is not a signature by {PEOPLE['maker']}."
    assert "is not a signature by" in load(*(word.replace("login.", "other.") for word in words))["because"]
    assert "--identity needs --issuer and --trusted-root" in team.run("load", "fraud", folder, *words[:4]).err
    (folder / "evil.py").write_text("")
    assert "evil.py is not signed" in load(*words)["because"]
    (folder / "evil.py").unlink()
    root = team.folder / "trusted-root.json"
    (whole := json.loads(root.read_text()))["tlogs"] = []
    root.write_text(json.dumps(whole))
    assert "is not a signature by" in load(*words)["because"]
    root.write_text(trusted["data"]["trusted-root.json"])
    with monkeypatch.context() as context:
        context.setenv("PATH", "/nowhere")
        assert "cosign is not on PATH" in load(*words)["because"]
    team.do("sign", reference, *team.key("release"))
    assert "release-0.pub" in team.do("pod", reference, *told).out


def test_bad_tokens(team: Team, sigstore: Sigstore, tmp_path: Path) -> None:
    """What is no token is sent to nobody; what Fulcio does not believe is one line without the token."""
    reference = team.push("tokens")
    path = tmp_path / "bad"
    assert f"{path} cannot be read" in team.refused("sign", reference, "--keyless", "people", "--identity-token", path)
    path.write_text("-----BEGIN PRIVATE KEY-----\n")
    assert "does not hold an identity token" in team.refused("sign", reference, "--keyless", "people", "--identity-token", path)
    assert sigstore.asked == []
    token = sigstore.token("alice@helix.example")
    sigstore.tokens.clear()
    sigstore.talkative = True
    path.write_text(token)
    said = team.refused("sign", reference, "--keyless", "people", "--identity-token", path)
    assert "cosign cannot sign" in said
    assert json.dumps({"message": "bad token …"}, ensure_ascii=False) in said
    assert token not in said
