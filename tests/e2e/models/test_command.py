"""`factory model` and admission agree: what the command calls released is admitted, and what it does not, is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from release import train
from signed import UNPROMOTED, UNSIGNED, UNVALIDATED, Signed, admitted, refused, spec_of


class Command:
    """The command, as somebody types it who may enter by the write door."""

    def __init__(self, signed: Signed, folder: Path) -> None:
        self.signed, self.folder = signed, folder
        self.stack = folder / "Pulumi.mint.yaml"
        self.stack.write_text(yaml.safe_dump({"config": {"ai-factory:spec": spec_of(signed.registry, signed.keys)}}))

    def __call__(self, *words: str, **options: str) -> subprocess.CompletedProcess[str]:
        """`factory model WORDS`, with the options; `key` names a signer."""
        lab, writer = self.signed.bench.lab, self.signed.bench.lab.writer
        door = {"door": lab.registry_write, "ca": lab.authority, "client-certificate": writer.certificate, "client-key": writer.key}
        if "key" in options:
            options["key"] = str(self.signed.keys[options["key"]].private)
        written = [f"--{name.replace('_', '-')}={value}" for name, value in {**door, **options}.items()]
        environment = {**self.signed.bench.environment, "PATH": f"{lab.state.bin}:/usr/bin:/bin"}
        command = [sys.executable, "-m", "factory", "model", *words, *written]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)

    def told(self, *words: str, **options: str) -> Any:
        """What it says, as JSON. Fails the test when it fails."""
        done = self(*words, format="json", **options)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)


@pytest.fixture
def command(signed: Signed, tmp_path: Path) -> Command:
    """The command on the factory's own stack file."""
    return Command(signed, tmp_path)


def test_released_by_the_command(signed: Signed, command: Command) -> None:
    """Pushed, signed, attested and promoted by the command: each step opens the door at admission that it should, and no other."""
    weights = command.folder / "weights"
    weights.mkdir()
    (weights / "weights.json").write_text(json.dumps(train(4711)))
    suite = command.folder / "suite.yaml"
    suite.write_text("accuracy: at least 0.95 on the holdout\n")
    stack = str(command.stack)
    digest = command.told("push", stack, "fraud", str(weights), version="1.0.0", licence="Apache-2.0")["digest"]
    version = f"fraud@{digest}"
    refused(signed.mount(digest, "evaluation/judge"), UNSIGNED)

    command.told("sign", stack, version, key="release")
    admitted(signed.mount(digest, "evaluation/judge"))
    refused(signed.mount(digest), UNVALIDATED)

    command.told("attest", "training", stack, version, by="training/trainer", key="release")
    assert command("promote", stack, version, approver="staff:ann", key="release").returncode != 0
    refused(signed.mount(digest), UNVALIDATED)

    command.told("attest", "validation", stack, version, suite=str(suite), test="accuracy", key="judge")
    refused(signed.mount(digest), UNPROMOTED)

    command.told("promote", stack, version, approver="staff:ann", key="release")
    command.told("verify", stack, version)
    admitted(signed.mount(digest))


def test_a_verdict_that_was_bad_stops_the_command(signed: Signed, command: Command) -> None:
    """What failed once is not promoted by the command, whatever is said of it later; and so it is not admitted."""
    weights = command.folder / "weights"
    weights.mkdir()
    (weights / "weights.json").write_text(json.dumps(train(4712)))
    suite = command.folder / "suite.yaml"
    suite.write_text("accuracy: at least 0.95 on the holdout\n")
    stack = str(command.stack)
    version = "fraud@" + command.told("push", stack, "fraud", str(weights), version="1.0.1", licence="Apache-2.0")["digest"]
    command.told("sign", stack, version, key="release")
    command.told("attest", "training", stack, version, by="training/trainer", key="release")
    command.told("attest", "validation", stack, version, suite=str(suite), result="FAILED", test="accuracy", key="judge")
    command.told("attest", "validation", stack, version, suite=str(suite), test="accuracy", key="judge")
    done = command("promote", stack, version, approver="staff:ann", key="release")
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr
    assert signed.mount(version.partition("@")[2]).status_code != 201
