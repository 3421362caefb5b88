"""Doors over a bucket, as far as they come without one: each asks the STS of its region for its own role, by its token, and uses no key."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
import yaml
from doors import SPEC, Client, Pki, Registry

from factory.load import load_object
from factory.plan import plan_factory
from factory.plan.registry import READ, TOKENS, WRITE

ROLE = "arn:aws:iam::123456789012:role/depot-registry"
BUCKET = {"bucket": "depot-models", "region": "eu-central-1", "writeRole": f"{ROLE}-write", "readRole": f"{ROLE}-read"}


class Proxy:
    """Notes where somebody wants to go, and lets nobody go there."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.asked: list[str] = []
        self.thread = threading.Thread(target=self._note)
        self.thread.start()

    def _note(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(4096).decode(errors="replace").splitlines()[0])

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.mark.parametrize("door", [WRITE, READ])
def test_a_door_asks_for_its_role(registry: Registry, pki: Pki, tmp_path: Path, door: str) -> None:
    """On the variables that the plan gives its container; only the token's file is another, and a proxy that stops it."""
    store = {key: value for key, value in SPEC["registry"].items() if key != "storage"} | {"s3": BUCKET}
    plan = plan_factory(load_object(SPEC | {"registry": store}))
    bodies = {(each.body["kind"], each.body["metadata"]["name"]): each.body for each in plan.manifests}
    (container,) = bodies["Deployment", door]["spec"]["template"]["spec"]["containers"]
    variables = {variable["name"]: variable["value"].replace(TOKENS, str(tmp_path)) for variable in container["env"]}
    assert variables["AWS_ROLE_ARN"] == BUCKET["writeRole" if door == WRITE else "readRole"]
    (tmp_path / "token").write_text("a.token.of-kubernetes")
    planned = yaml.safe_load(bodies["ConfigMap", door]["data"]["config.yml"])

    def over_the_bucket(config: dict[str, object]) -> None:
        config["storage"] = planned["storage"]

    proxy = Proxy()
    try:
        opened = registry.open(door, over_the_bucket, {**variables, "HTTPS_PROXY": f"http://127.0.0.1:{proxy.listener.getsockname()[1]}"})
        with Client(opened, pki.context(pki.writers.issue("trainer"))) as client:
            client.http.get("/v2/fraud/tags/list")
            opened.kill()
    finally:
        proxy.close()
    assert set(proxy.asked) == {"CONNECT sts.eu-central-1.amazonaws.com:443 HTTP/1.1"}
