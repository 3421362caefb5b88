"""Secrets on a real etcd, under an API server that runs on the rendered EncryptionConfiguration; and its rotation, as the page tells it."""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from deployed import Client, start_lab, wait_until
from plan.golden import STACKS

from factory.load import load_object
from factory.plan import Body, plan_factory
from factory.plan.etcd import ENCRYPTION, PLACEHOLDER
from factory.render import render
from lab import Lab

VISIBLE, HIDDEN = f"visible-{secrets.token_hex(12)}", f"hidden-{secrets.token_hex(12)}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    rendered = tmp_path_factory.mktemp("rendered")
    data = yaml.safe_load(STACKS["example"].read_text())["config"]["ai-factory:spec"]
    vault = {"kind": "External", "address": "https://vault.example:8200"}
    data["keys"] = {"root": {"kind": "Bootstrap"}, "vault": vault, "etcd": "Secretbox"}
    render(plan_factory(load_object(data)), rendered)
    assert PLACEHOLDER in (rendered / "control-plane" / ENCRYPTION).read_text()
    yield from start_lab(control_plane=rendered / "control-plane")


def thing(kind: str, name: str, **content: object) -> Body:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, **content}


def stored(lab: Lab) -> bytes:
    """Everything that etcd has on its disk."""
    return b"".join(path.read_bytes() for path in (lab.state.folder / "etcd").rglob("*") if path.is_file())


def encryption(lab: Lab) -> Path:
    (path,) = lab.state.control_plane.glob(f"*/{ENCRYPTION}")
    return path


def wait_for_reload(root: Client, count: int) -> None:
    """The API server looks at the file each minute."""
    end = time.monotonic() + 150
    wanted = re.compile(rf'^apiserver_encryption_config_controller_automatic_reloads_total{{.*status="success"}} {count}$', re.MULTILINE)
    while not wanted.search(root.request("GET", "/metrics").text):
        assert time.monotonic() < end, "the API server does not take the changed file"
        time.sleep(1)


def test_secrets_are_not_on_the_disk(lab: Lab) -> None:
    """A ConfigMap is there to read, a Secret of the same making is not; its prefix names the key that seals it."""
    root = Client(lab, "lab-admin")
    root.create(thing("ConfigMap", "seen", data={"word": VISIBLE}))
    root.create(thing("Secret", "sealed", stringData={"word": HIDDEN}))
    wait_until(lambda: VISIBLE.encode() in stored(lab), "the ConfigMap is on the disk")
    disk = stored(lab)
    assert HIDDEN.encode() not in disk
    assert base64.b64encode(HIDDEN.encode()) not in disk
    assert b"k8s:enc:secretbox:v1:key1:" in disk
    key = yaml.safe_load(encryption(lab).read_text())["resources"][0]["providers"][0]["secretbox"]["keys"][0]["secret"]
    assert len(base64.b64decode(key)) == 32
    assert base64.b64decode(key) not in disk


def test_rotation(lab: Lab) -> None:
    """A new key is put first while the old one stays; the API server takes it by itself; what is written again is under the new one, and
    with the old key gone everything is still there."""
    root, path = Client(lab, "lab-admin"), encryption(lab)
    configuration = yaml.safe_load(path.read_text())
    keys = configuration["resources"][0]["providers"][0]["secretbox"]["keys"]
    keys.insert(0, {"name": "key2", "secret": base64.b64encode(secrets.token_bytes(32)).decode()})
    path.write_text(yaml.safe_dump(configuration))

    wait_for_reload(root, 1)
    root.create(thing("Secret", "later", stringData={"word": "later"}))
    assert b"k8s:enc:secretbox:v1:key2:" in stored(lab)
    for secret in root.get("/api/v1/secrets")["items"]:
        secret |= {"apiVersion": "v1", "kind": "Secret"}
        metadata = secret["metadata"]
        answer = root.request("PUT", f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}", secret)
        assert answer.status_code == 200, answer.text
    del keys[1]
    path.write_text(yaml.safe_dump(configuration))
    wait_for_reload(root, 2)
    sealed = "/api/v1/namespaces/default/secrets/sealed"
    assert base64.b64decode(root.get(sealed)["data"]["word"]).decode() == HIDDEN
    assert HIDDEN.encode() not in stored(lab)
