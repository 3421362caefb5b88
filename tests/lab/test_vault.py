"""How a rendered OpenBao configuration becomes this machine's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab import Lab, LabError, cli, vault
from lab.certificate import Authority
from lab.state import State

SERVER = {
    "listener": [
        {"tcp": {"address": "[::]:8200", "tls_cert_file": "/etc/openbao/tls/tls.crt", "tls_key_file": "/etc/openbao/tls/tls.key"}}
    ],
    "seal": [{"static": {"current_key_id": "1", "current_key": "file:///etc/openbao/seal/key"}}],
    "audit": [{"type": "file", "path": "log", "options": {"file_path": "stdout"}}],
}
POLICY = {"eval_type": "string", "eval_source": "file", "path": "/etc/openbao/policies/one.hcl"}
FIRST = {
    "storage": {"raft": {"path": "/var/lib/openbao"}},
    "initialize": [{"all": {"request": [{"one": {"operation": "update", "path": "sys/policies/acl/one", "data": {"policy": POLICY}}}]}}],
}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    state = State.of("default")
    state.create()
    return state


def rendered(folder: Path, server: Any = SERVER, first: Any = FIRST) -> Path:
    (folder / "policies").mkdir(parents=True, exist_ok=True)
    (folder / "server.json").write_text(json.dumps(server))
    (folder / "first.json").write_text(json.dumps(first))
    (folder / "policies" / "one.hcl").write_text('path "a" { capabilities = ["update"] }\n')
    return folder


def test_only_what_belongs_to_the_place_is_replaced(tmp_path: Path, state: State) -> None:
    """Addresses, TLS, seal key, audit log, data and mounted files are the lab's; every request is as it was rendered."""
    vault.install(rendered(tmp_path / "vault"), state)
    pair = Authority(state.pki, "cluster").issue("openbao-server")
    vault.write_configuration(state, {"https": 1234, "cluster": 1235}, pair)
    server, first = (json.loads((vault.home(state) / "lab" / name).read_text()) for name in ("server.json", "first.json"))
    (tcp,) = (listener["tcp"] for listener in server["listener"])
    assert (tcp["address"], tcp["tls_cert_file"], tcp["tls_key_file"]) == ("127.0.0.1:1234", str(pair.certificate), str(pair.key))
    key = Path(server["seal"][0]["static"]["current_key"].removeprefix("file://"))
    assert len(key.read_bytes()) == 32
    assert key.stat().st_mode & 0o777 == 0o600
    assert server["audit"][0]["options"]["file_path"] == str(state.logs / "openbao-audit.log")
    assert Path(first["storage"]["raft"]["path"]).is_relative_to(state.folder)
    request = first["initialize"][0]["all"]["request"][0]["one"]
    assert Path(request["data"]["policy"]["path"]).read_text() == 'path "a" { capabilities = ["update"] }\n'
    assert request["path"] == "sys/policies/acl/one"


def test_a_first_start_that_failed_begins_anew_and_one_that_succeeded_keeps_its_data(tmp_path: Path, state: State) -> None:
    """OpenBao takes up no initialisation that broke off: its data would be useless for good. Seal key and data of one that came up stay."""
    vault.install(rendered(tmp_path / "vault"), state)
    pair, ports = Authority(state.pki, "cluster").issue("openbao-server"), {"https": 1, "cluster": 2}
    vault.write_configuration(state, ports, pair)
    data = vault.home(state) / "data" / "raft.db"
    data.write_text("half")
    vault.write_configuration(state, ports, pair)
    assert not data.exists()
    data.write_text("whole")
    vault.initialised(state).touch()
    before = (vault.home(state) / "seal.key").read_bytes()
    vault.write_configuration(state, ports, pair)
    assert data.read_text() == "whole"
    assert (vault.home(state) / "seal.key").read_bytes() == before


def test_another_configuration_begins_anew_and_the_same_does_not(tmp_path: Path, state: State) -> None:
    """The folder of its data is named after what was rendered."""
    vault.install(rendered(tmp_path / "vault"), state)
    before = vault.home(state)
    vault.install(rendered(tmp_path / "vault"), state)
    assert vault.home(state) == before
    vault.install(rendered(tmp_path / "vault", FIRST | SERVER), state)
    assert vault.home(state) != before
    assert not before.exists()


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "first.json").unlink(), "holds no first.json: give the folder with OpenBao's configuration"),
        (lambda folder: (folder / "server.json").write_text("listener {}"), r"server\.json is not JSON: Expecting value"),
        (lambda folder: (folder / "first.json").write_text("[]"), r"first\.json is no JSON object"),
        (
            lambda folder: (folder / "server.json").write_text('{"seal": [{"awskms": {}}]}'),
            "opens a seal `static` and no other; here it is awskms",
        ),
        (lambda folder: (folder / "server.json").write_text("{}"), "opens a seal `static` and no other; here it is absent"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_with_the_reason(tmp_path: Path, state: State, break_it: Any, message: str) -> None:
    """Nothing is installed from it."""
    folder = rendered(tmp_path / "vault")
    break_it(folder)
    with pytest.raises(LabError, match=message):
        vault.install(folder, state)
    with pytest.raises(LabError, match="OpenBao has no configuration to run on: give the folder with one with --vault DIR"):
        vault.home(state)


@pytest.mark.parametrize(("extra", "option"), [("keys", "--vault DIR"), ("keycloak", "--realm DIR")])
def test_what_needs_a_folder_says_so_before_anything_is_fetched(
    extra: str, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lab up --with keys` alone is one clear error, at once."""
    monkeypatch.setattr("lab.lab.provide", lambda *_: pytest.fail("fetched"))
    assert cli.main(["up", "--with", extra]) == 1
    assert capsys.readouterr().err.strip().endswith(f"give the folder with one with {option}")


def test_a_lab_without_them_says_how_to_have_them() -> None:
    """Addresses and programs of sets that this lab was not asked to have."""
    lab = Lab()
    with pytest.raises(LabError, match="lab 'default' has no openbao: run `lab up --with keys`"):
        _ = lab.openbao
    with pytest.raises(LabError, match="lab 'default' has no registry-read: run `lab up --with models`"):
        _ = lab.registry_read
    with pytest.raises(LabError, match="lab 'default' has no cosign: run `lab up --with models`"):
        lab.executable("cosign")
    with pytest.raises(LabError, match="no program of the toolchain is called that"):
        lab.executable("cosine")
    assert not {name for name in lab.environment() if name.startswith(("BAO", "VAULT", "LAB_"))}
