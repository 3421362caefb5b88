"""A program that comes as an archive from Maven's registry: fetched by the ordinary client, checked against its hash, prepared once."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.lock import locked
from lab.toolchain.go import run

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"


@dataclass(frozen=True)
class Archive:
    """*artifact* is `group:name:version:zip`; the zip holds one folder. *prepare* is a command run in that folder, once."""

    artifact: str
    sha256: str
    java: int
    prepare: tuple[str, ...]


def install(archive: Archive, launcher: Path, executable: Path, tick: Callable[[], None] = lambda: None) -> None:
    """Put the archive's folder beside the folder of *executable*, under its name, and *launcher* in place of *executable*.

    Raises LabError: Java or Maven is missing or too old, or the archive cannot be had, is another, or does not prepare.
    """
    require_java(archive)
    target = executable.parent.parent
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f"{target.name}.lock"), tick):
        if executable.exists():
            return
        with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as folder:
            place = Path(folder)
            output = place / "output"
            with output.open("w") as log:
                command = ["mvn", "-q", "-B", COPY, f"-Dartifact={archive.artifact}", f"-DoutputDirectory={place / 'fetched'}"]
                if run(command, place, log.fileno(), tick):
                    raise LabError(f"cannot fetch {archive.artifact}:\n{output.read_text()[-2000:].strip()}")
                unpack(archive, place, executable.name)
                if run(list(archive.prepare), place / executable.name, log.fileno(), tick):
                    raise LabError(f"preparing {executable.name} failed:\n{output.read_text()[-2000:].strip()}")
            shutil.rmtree(target, ignore_errors=True)
            (place / "whole" / "bin").mkdir(parents=True)
            (place / executable.name).rename(place / "whole" / executable.name)
            shutil.copy(launcher, place / "whole" / "bin" / executable.name)
            (place / "whole" / "bin" / executable.name).chmod(0o755)
            (place / "whole").rename(target)


def unpack(archive: Archive, place: Path, name: str) -> None:
    """The archive's one folder, as `place/NAME`."""
    (file,) = (place / "fetched").iterdir()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != archive.sha256:
        raise LabError(f"{archive.artifact} is not what it was: sha256 {digest}, expected {archive.sha256}")
    with zipfile.ZipFile(file) as content:
        content.extractall(place / "unpacked")
    (folder,) = (place / "unpacked").iterdir()
    folder.rename(place / name)


def require_java(archive: Archive) -> None:
    """Raises LabError: no Java or no Maven on PATH, or an older Java."""
    fix = f"install a Java {archive.java} runtime and Maven (on Debian: apt-get install openjdk-{archive.java}-jre-headless maven)"
    for program in ("java", "mvn"):
        if not shutil.which(program):
            raise LabError(f"`{program}` is not on PATH, and {archive.artifact} needs it: {fix}")
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if not found or int(found[1]) < archive.java:
        raise LabError(f"Java {archive.java} is needed and `java` is {found[1] if found else 'unknown'}: {fix}")
