"""`pulumi up` of the models stack, with the programs that it needs beside the control plane, and where its secrets are not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from project import Project, project_of, stack_spec

from lab.process import recorded


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The models stack, deployed, previewed and changed once, so that there are a history and a backup."""
    with project_of("models", tmp_path_factory.mktemp("project"), ("models",)) as project:
        project.up()
        spec = stack_spec("models")
        spec["segments"][0]["quota"]["pods"] = 41
        project.configure(spec)
        project.pulumi("preview", "--diff")
        project.up()
        yield project


def test_nothing_changes_right_after_up(deployed: Project) -> None:
    """What the server, its controllers and Kyverno write is no difference."""
    deployed.pulumi("preview", "--expect-no-changes")


def find_secrets(deployed: Project) -> dict[str, bytes]:
    """Every secret that the lab made, by where it is kept: a piece of it that stands for it wherever it is."""
    folder, secrets = deployed.lab.state.folder, {}
    for path in (path for path in folder.rglob("*") if path.is_file() and (path.suffix == ".key" or path.name == "secret")):
        content = path.read_bytes()
        secrets[str(path)] = content.splitlines()[1] if content.startswith(b"-----BEGIN") else content.strip()
    for user in yaml.safe_load(deployed.lab.kubeconfig.read_text())["users"]:
        secrets[f"user {user['name']}"] = user["user"]["client-key-data"].encode()
    openbao = recorded(deployed.lab.state.processes, "openbao")
    assert openbao is not None
    variables = dict(each.split(b"=", 1) for each in Path(f"/proc/{openbao.pid}/environ").read_bytes().split(b"\0") if b"=" in each)
    secrets["token of OpenBao"] = variables[b"TOKEN_REVIEWER_JWT"]
    return secrets


def find_leaks(deployed: Project, secrets: dict[str, bytes]) -> list[tuple[str, str]]:
    """Where each is found: in state, history, backups, rendered files, logs and what Pulumi printed; as it is, in hex, in base64."""
    state = deployed.lab.state
    places = [path for root in (state.pulumi / "state", deployed.folder, state.logs, state.processes) for path in root.rglob("*")]
    texts = {str(path): path.read_bytes() for path in places if path.is_file()} | {"printed": "\n".join(deployed.printed).encode()}
    assert {part for place in texts for part in ("stacks", "history", "backups") if f"/{part}/" in place} == {
        "stacks",
        "history",
        "backups",
    }
    return [
        (place, secret)
        for secret, value in secrets.items()
        for place, text in texts.items()
        if any(form in text for form in (value, value.hex().encode(), base64.b64encode(value).rstrip(b"=")[:-1]))
    ]


def test_no_secret_of_the_lab_is_anywhere_but_where_it_is_kept(deployed: Project) -> None:
    """State file, backups, history, previews, rendered files and logs hold no private key, token or password that the lab has made."""
    secrets = find_secrets(deployed)
    assert {Path(kept).suffix for kept in secrets} >= {".key", ""}
    assert len(secrets) > 20
    assert find_leaks(deployed, secrets) == []


def test_a_secret_in_a_log_is_found(deployed: Project) -> None:
    """The search before would have found each: as it is, and as a Kubernetes Secret holds it."""
    secrets = find_secrets(deployed)
    planted = deployed.folder / "rendered" / "planted"
    for form in (lambda value: value, base64.b64encode):
        planted.write_bytes(b"\n".join(form(value) for value in secrets.values()))
        assert {secret for place, secret in find_leaks(deployed, secrets) if place == str(planted)} == set(secrets)
    planted.unlink()
