"""The folder of one lab: everything it keeps, and nothing outside it."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError


def home() -> Path:
    """Where all labs of this user keep their state."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ai-factory" / "lab"


@dataclass(frozen=True)
class State:
    """The folder of the lab called `name`, readable by its owner only."""

    name: str
    folder: Path

    @classmethod
    def of(cls, name: str) -> State:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", name):
            raise LabError(f"{name!r} is no name for a lab: use at most 40 of a-z, 0-9 and -, beginning and ending with a letter or digit")
        return cls(name, home() / name)

    def create(self) -> None:
        for path in (self.folder, self.pki, self.logs, self.processes, self.pulumi / "state", self.pulumi / "home" / "plugins", self.bin):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def exists(self) -> bool:
        return self.folder.is_dir()

    @property
    def lock(self) -> Path:
        return self.folder.with_suffix(".lock")

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def processes(self) -> Path:
        return self.folder / "processes"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def control_plane(self) -> Path:
        return self.folder / "control-plane"

    @property
    def pulumi(self) -> Path:
        return self.folder / "pulumi"


def write(path: Path, text: str | bytes) -> None:
    """Write *path* whole or not at all, for its owner only."""
    content = text.encode() if isinstance(text, str) else text
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
