"""Removing what no manifest names, by the script that the plan gives its CronJob: never beside a write, and nothing of a model goes."""

from __future__ import annotations

import os
import re
import secrets
import signal
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from doors import PATIENCE, Client, Pki, Registry, digest, environment, manifest, planned

from factory.plan import Body
from factory.plan.registry import COLLECTING, COLLECTOR, CONFIG, READ, STORE, WRITE

WEIGHTS, ORPHAN = secrets.token_bytes(300_000), secrets.token_bytes(200_000)


@pytest.fixture
def writer(pki: Pki) -> ssl.SSLContext:
    """Somebody whom the writers' authority knows."""
    return pki.context(pki.writers.issue("trainer"))


def collect(registry: Registry, config: Path, settle: int) -> subprocess.Popen[bytes]:
    """The CronJob's container, as a process: its places replaced, and fewer seconds to settle."""
    pod = planned("CronJob", COLLECTOR)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    *shell, script = container["command"]
    script = script.replace(STORE, str(registry.store)).replace(f"{CONFIG}/config.yml", str(config))
    script, seconds = re.subn(r"sleep \d+", f"sleep {settle}", script)
    assert seconds == 1
    return subprocess.Popen([*shell, script], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def wait_for_status(client: Client, status: int) -> None:
    """Waits for a door to answer so."""
    end = time.monotonic() + PATIENCE
    while (code := client.http.get("/v2/").status_code) != status:
        assert time.monotonic() < end, code
        time.sleep(0.1)


def test_writers_wait_and_nodes_do_not(registry: Registry, pki: Pki, writer: ssl.SSLContext) -> None:
    """Meanwhile the write door answers 503 to everything and the read door serves; afterwards the orphan is gone and the model whole."""
    door = registry.open(WRITE)
    with Client(door, writer) as trainer, Client(registry.open(READ), pki.context()) as node:
        model = trainer.push("v1", WEIGHTS)
        trainer.push_blob(ORPHAN)
        collecting = collect(registry, door.log.with_suffix(".yml"), settle=5)
        try:
            wait_for_status(trainer, 503)
            assert trainer.http.post("/v2/fraud/blobs/uploads/").status_code == 503
            assert trainer.push_manifest("v2", manifest(ORPHAN)).status_code == 503
            assert node.manifest("v1").content == model
            assert node.blob(digest(WEIGHTS)).content == WEIGHTS
            assert node.blob(digest(ORPHAN)).status_code == 200, "it is still settling"
            output, _ = collecting.communicate(timeout=PATIENCE)
            assert collecting.returncode == 0, output
        finally:
            collecting.kill()
            collecting.wait()
        assert node.blob(digest(ORPHAN)).status_code == 404
        assert node.manifest("v1").content == model
        assert node.blob(digest(WEIGHTS)).content == WEIGHTS

        wait_for_status(trainer, 200)
        assert trainer.push_manifest("v2", manifest(ORPHAN)).status_code == 400, "its layer is gone: it must be pushed again"
        trainer.push("v2", ORPHAN)
        assert node.blob(digest(ORPHAN)).content == ORPHAN


def test_a_door_that_does_not_heed_it_breaks_a_model(registry: Registry, pki: Pki, writer: ssl.SSLContext) -> None:
    """Why it must not run beside writes. A client asks for a blob, finds it, and names it in a manifest, which the door takes since it is
    there; the collection, which had taken it for an orphan before, sweeps it. It is held up there by a pipe that nobody reads."""

    def heedless(config: Body) -> None:
        del config["health"]["file"]

    door = registry.open(WRITE, heedless)
    with Client(door, writer) as trainer, Client(registry.open(READ), pki.context()) as node:
        trainer.push("v1", WEIGHTS)
        orphans = [secrets.token_bytes(100) for _ in range(200)]
        for orphan in orphans:
            trainer.push_blob(orphan)
        (registry.store / "collecting").touch()
        command = ["registry", "garbage-collect", str(door.log.with_suffix(".yml"))]
        collecting = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, pipesize=4096)
        try:
            assert collecting.stdout is not None
            while b"eligible for deletion: sha256" not in (read := collecting.stdout.readline()):
                assert read, "it ended"
            time.sleep(1)
            left = next(orphan for orphan in orphans if trainer.blob(digest(orphan)).status_code == 200)
            assert trainer.push_manifest("v2", manifest(left)).status_code == 201
            collecting.communicate(timeout=PATIENCE)
        finally:
            collecting.kill()
            collecting.wait()
        assert node.manifest("v2").status_code == 200
        assert node.blob(digest(left)).status_code == 404


def test_a_collection_that_was_killed_leaves_the_door_closed(registry: Registry, writer: ssl.SSLContext) -> None:
    """Closed is the safe side: nothing opens it but a collection that ends well. The Job tries again by itself."""
    door = registry.open(WRITE)
    with Client(door, writer) as trainer:
        model = trainer.push("v1", WEIGHTS)
        with collect(registry, door.log.with_suffix(".yml"), settle=60) as collecting:
            wait_for_status(trainer, 503)
            os.killpg(collecting.pid, signal.SIGKILL)
        time.sleep(2.5)
        assert trainer.http.get("/v2/").status_code == 503
        again = collect(registry, door.log.with_suffix(".yml"), settle=2)
        output, _ = again.communicate(timeout=PATIENCE)
        assert again.returncode == 0, output
        wait_for_status(trainer, 200)
        assert trainer.manifest("v1").content == model


def test_a_collection_that_fails_leaves_the_door_closed(registry: Registry, writer: ssl.SSLContext, tmp_path: Path) -> None:
    """Here it cannot read its configuration: its Job fails, and is tried again."""
    with Client(registry.open(WRITE), writer) as trainer:
        collecting = collect(registry, tmp_path / "missing.yml", settle=2)
        output, _ = collecting.communicate(timeout=PATIENCE)
        assert collecting.returncode != 0, output
        wait_for_status(trainer, 503)


def test_it_looks_for_the_file_where_the_collector_puts_it() -> None:
    """The door and the collector mean the same file, on the volume that both mount."""
    config = planned("ConfigMap", WRITE)["data"]["config.yml"]
    script = planned("CronJob", COLLECTOR)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][-1]
    assert COLLECTING in config
    assert f"touch {COLLECTING}\n" in script
