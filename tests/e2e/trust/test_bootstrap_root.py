"""A root in a stack of its own, on the real Pulumi CLI: made, rotated by overlap, and its key in no file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from trust.authority import EC, ID, Authority, Client, bundle_of, openssl, rendered, spec

from lab import tls
from lab.console import Console
from lab.toolchain import provide

ROOT = Path(__file__).parents[3]
PASSPHRASE = "correct-horse-battery-staple"
NAMES = {"openbao": "DNS:openbao.helix-keys.svc", "spire": ID}


def factory(certificate: str | None = None, following: str | None = None) -> dict[str, Any]:
    root = {"kind": "Bootstrap"} | {key: value for key, value in (("certificate", certificate), ("next", following)) if value}
    quota = {"cpu": "4", "memory": "4Gi"}
    made = spec("")
    return made | {
        "posture": "Development",
        "segments": [made["segments"][0] | {"quota": quota}],
        "keys": made["keys"] | {"root": root},
    }


@dataclass
class Stack:
    """The stack of a root, in a folder of its own, with all that the CLI ever printed."""

    folder: Path
    environment: dict[str, str]
    printed: list[str] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def pulumi(self, *command: str, fails: bool = False, kept: bool = True) -> str:
        """What it prints. Fails the test when it fails, or when it does not though it should."""
        project = self.folder / "stacks" / "root"
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"], cwd=project, env=self.environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        self.printed += [done.stdout, done.stderr] if kept else []
        return done.stdout + (done.stderr if fails else "")

    def up(self, generations: list[int], requests: dict[str, dict[str, Any]] | None = None) -> str:
        config = {"ai-factory-root:spec": "../Pulumi.dev.yaml", "ai-factory-root:generations": generations}
        path = self.folder / "stacks" / "root" / "Pulumi.dev.yaml"
        salt = yaml.safe_load(path.read_text()) if path.exists() else {}
        path.write_text(yaml.safe_dump({**salt, "config": config | {"ai-factory-root:requests": requests or {}}}))
        return self.pulumi("up", "--yes", "--stack", "dev", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        return dict(json.loads(self.pulumi("stack", "output", "--json", "--stack", "dev")))

    def resources(self) -> dict[str, str]:
        """Id of each key and certificate, by URN."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", "dev"))["deployment"]["resources"]
        return {each["urn"]: each["id"] for each in exported if each["type"].startswith("tls:")}

    def secrets(self) -> list[str]:
        """A line from the middle of each private key that the stack has."""
        shown = json.loads(self.pulumi("stack", "export", "--show-secrets", "--stack", "dev", kept=False))
        keys = [each["outputs"]["privateKeyPem"] for each in shown["deployment"]["resources"] if each["type"].endswith(":PrivateKey")]
        return [json.loads(each["plaintext"]).splitlines()[2] for each in keys]


@dataclass(frozen=True)
class Holder:
    """Who holds the key of an intermediate, and asks for its certificate."""

    name: str
    handed: Path

    def ask(self, number: int) -> dict[str, Any]:
        files = (self.handed / f"{self.name}-{number}.{suffix}" for suffix in ("key", "csr"))
        key, request = files
        openssl("req", "-new", "-config", self.handed / f"{self.name}.cnf", *EC, "-keyout", key, "-out", request)
        return {"intermediate": self.name, "pem": request.read_text()}

    def authority(self, number: int, chain: str) -> Authority:
        intermediate = chain.split("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n"
        return Authority(intermediate, self.handed / f"{self.name}-{number}.key")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A project as in the repository, on a state in files, with the plugin that the lab has."""
    folder = tmp_path_factory.mktemp("root")
    shutil.copytree(ROOT / "stacks" / "root", folder / "stacks" / "root", ignore=shutil.ignore_patterns("Pulumi.*.yaml", "__pycache__"))
    project = folder / "stacks" / "root" / "Pulumi.yaml"
    described = yaml.safe_load(project.read_text())
    assert described["runtime"]["options"]["virtualenv"] == "../../.venv"
    described["runtime"]["options"]["virtualenv"] = sys.prefix
    project.write_text(yaml.safe_dump(described))
    programs = provide(Console.silent(), ("pulumi", "pulumi-language-python"))
    (folder / "state").mkdir()
    tls.install(folder / "home", programs["pulumi"])
    path = [Path(sys.executable).parent, *(program.parent for program in programs.values())]
    environment = os.environ | {
        "PATH": os.pathsep.join((*map(str, path), os.environ["PATH"])),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "NO_COLOR": "1",
    }
    (folder / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {"ai-factory:spec": factory()}}))
    made = Stack(folder, environment)
    made.pulumi("stack", "init", "dev")
    return made


@pytest.fixture(scope="module")
def holders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Holder]:
    """OpenBao's and SPIRE's, each with what was rendered for it."""
    handed = rendered(factory(), tmp_path_factory.mktemp("rendered"))
    return {name: Holder(name, handed) for name in NAMES}


def test_a_root_lives_and_is_rotated(stack: Stack, holders: dict[str, Holder], tmp_path: Path) -> None:
    """One root; an intermediate of each kind, then another beside it; a second root beside the first; then the second alone.

    At each step OpenSSL believes, by the bundle that the spec of that step gives to segments, exactly what it should.
    """
    client = Client(tmp_path)

    def leaf(name: str, number: int, chains: dict[str, str]) -> str:
        return holders[name].authority(number, chains[f"{name}-{number}"]).sign("leaf", NAMES[name])

    stack.up([1])
    one = stack.outputs()["certificates"]["1"]
    (tmp_path / "root.pem").write_text(one)
    openssl("verify", "-x509_strict", "-check_ss_sig", "-CAfile", tmp_path / "root.pem", tmp_path / "root.pem")
    before = bundle_of(factory(one))

    # An intermediate is rotated: a new one beside the old one, then without it. Nobody need learn of it.
    requests = {f"{name}-1": holder.ask(1) for name, holder in holders.items()}
    stack.up([1], requests)
    first = stack.outputs()["chains"]
    requests |= {f"{name}-2": holder.ask(2) for name, holder in holders.items()}
    stack.up([1], requests)
    second = stack.outputs()["chains"]
    assert {name: chain for name, chain in second.items() if name in first} == first, "the old ones are as they were"
    for name in NAMES:
        old, new = leaf(name, 1, first), leaf(name, 2, second)
        assert client.trusts(old, before)
        assert client.trusts(new, before)
    requests = {name: request for name, request in requests.items() if name.endswith("-2")}
    stack.up([1], requests)
    assert stack.outputs()["chains"].keys() == requests.keys()
    assert all(client.trusts(leaf(name, 1, first), before) for name in NAMES), "what it has signed is good until it ends"

    # The root is rotated: both are trusted before anything is signed by the second, and until nothing of the first is in use.
    stack.up([1, 2], requests)
    both = stack.outputs()["certificates"]
    assert both["1"] == one, "the first is as it was"
    during = bundle_of(factory(both["1"], both["2"]))
    requests |= {f"{name}-3": holder.ask(3) | {"generation": 2} for name, holder in holders.items()}
    stack.up([1, 2], requests)
    third = stack.outputs()["chains"]
    after = bundle_of(factory(both["2"]))
    for name in NAMES:
        old, new = leaf(name, 2, third), leaf(name, 3, third)
        trusted = [(client.trusts(old, bundle), client.trusts(new, bundle)) for bundle in (before, during, after)]
        assert trusted == [(True, False), (True, True), (False, True)]

    # The first root goes by a decision, not by an edit.
    requests = {name: request for name, request in requests.items() if name.endswith("-3")}
    with pytest.raises(AssertionError, match="protected"):
        stack.up([2], requests)
    for urn in stack.resources():
        if urn.endswith("::helix-1"):
            stack.pulumi("state", "unprotect", urn, "--yes", "--stack", "dev")
    stack.up([2], requests)
    assert stack.outputs()["certificates"] == {"2": both["2"]}
    assert all(client.trusts(leaf(name, 3, stack.outputs()["chains"]), after) for name in NAMES)


def test_an_intermediate_has_its_limits(stack: Stack, holders: dict[str, Holder], tmp_path: Path) -> None:
    """Path length, purposes and life are set by the root, whatever the request said; a second `up` changes nothing."""
    requests = {name: holder.ask(4) | {"generation": 2} for name, holder in holders.items()}
    stack.up([2], requests)
    chains = stack.outputs()["chains"]
    for name, length in (("openbao", 0), ("spire", 1)):
        path = tmp_path / name
        path.write_text(chains[name])
        said = openssl("x509", "-in", path, "-noout", "-ext", "basicConstraints,extendedKeyUsage,keyUsage")
        assert f"CA:TRUE, pathlen:{length}" in said
        assert "TLS Web Server Authentication, TLS Web Client Authentication" in said
        openssl("x509", "-in", path, "-noout", "-checkend", str(2159 * 3600))
        ended = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-checkend", str(2161 * 3600)], capture_output=True, check=False)
        assert ended.returncode == 1
    steps = json.loads(stack.pulumi("preview", "--json", "--stack", "dev"))["steps"]
    assert {step["op"] for step in steps} == {"same"}


def test_no_file_holds_a_key(stack: Stack) -> None:
    """Neither state, nor its backups and history, nor outputs, previews and messages: where a key is, it is encrypted."""
    keys = stack.secrets()
    assert keys
    files = [path for path in stack.folder.rglob("*") if path.is_file() and stack.folder / "home" not in path.parents]
    assert any("history" in path.parts for path in files)
    assert any(path.name.endswith(".bak") for path in files)
    texts = {str(path): path.read_text(errors="replace") for path in files} | {"what was printed": "".join(stack.printed)}
    for where, text in texts.items():
        assert "PRIVATE KEY" not in text, where
        assert PASSPHRASE not in text, where
        assert not any(key in text for key in keys), where
    assert any("ciphertext" in text for text in texts.values()), "there were secrets to look for"


def test_the_stand_in_says_what_it_is(stack: Stack) -> None:
    """Where it takes the official plugin's place, everybody who deploys with it reads so."""
    plugin = stack.folder / "home" / "plugins" / f"resource-tls-v{tls.VERSION}" / "pulumi-resource-tls"
    stands_in = plugin.read_bytes().startswith(b"#!")
    assert ("is a stand-in of the lab's, not Pulumi's plugin" in "".join(stack.printed)) is stands_in


def test_production_has_no_root_of_pulumi(stack: Stack) -> None:
    """Refused by its rule, with nothing changed."""
    path = stack.folder / "stacks" / "Pulumi.dev.yaml"
    kept = path.read_text()
    path.write_text(yaml.safe_dump({"config": {"ai-factory:spec": factory() | {"posture": "Production"}}}))
    try:
        before = stack.resources()
        said = stack.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", fails=True)
        assert "ZT700 keys.root.kind: has its key in Pulumi's state" in said
        assert stack.resources() == before
    finally:
        path.write_text(kept)
