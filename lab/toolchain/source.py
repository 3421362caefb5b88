"""The Go modules that programs are built from, and the files of theirs that a build must be given by hand."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

HERE = Path(__file__).parent
LANGUAGE_HOST = "pulumi-language-python"
# Only what decides the build: a workspace or flags of the user's own would change it.
GO_ENVIRONMENT = {"GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}


@dataclass(frozen=True)
class Module:
    """One folder with `go.mod`, `go.sum` and sometimes a `main.go`."""

    folder: Path

    @classmethod
    def of(cls, family: str) -> Module:
        return cls(HERE / family)

    @property
    def files(self) -> list[Path]:
        return [path for name in ("go.mod", "go.sum", "main.go") if (path := self.folder / name).exists()]

    @property
    def digest(self) -> str:
        return hashlib.sha256(b"".join(path.read_bytes() for path in self.files)).hexdigest()

    @property
    def go(self) -> tuple[int, ...]:
        """The Go version that `go.mod` asks for."""
        found = re.search(r"^go (\d+(?:\.\d+)*)", (self.folder / "go.mod").read_text(), re.MULTILINE)
        return tuple(int(part) for part in found[1].split(".")) if found else (0,)

    def copy(self, target: Path) -> Module:
        target.mkdir()
        for path in self.files:
            shutil.copy(path, target)
        return Module(target)

    def dependency(self, path: str) -> Path:
        """The folder of the dependency *path* in Go's module cache, fetched when needed and checked against `go.sum`."""
        for command in (["go", "mod", "download", path], ["go", "list", "-m", "-f", "{{.Dir}}", path]):
            result = subprocess.run(command, cwd=self.folder, env=os.environ | GO_ENVIRONMENT, capture_output=True, text=True, check=False)
            if result.returncode:
                raise LabError(f"cannot fetch the Go module {path}: {result.stderr.strip()[-600:]}")
        return Path(result.stdout.strip())


def embed_provider_schema(module: Module, _bin: Path, *, version: str) -> None:
    """Give the Kubernetes provider the two generated files that its published module has under other names."""
    command = module.dependency("github.com/pulumi/pulumi-kubernetes/provider/v4") / "cmd" / "pulumi-resource-kubernetes"
    schema = json.loads((command / "schema.json").read_text())
    schema["version"] = version
    (module.folder / "schema-embed.json").write_text(json.dumps(schema))
    (module.folder / "terraform-mapping-embed.json").write_bytes((command / "terraform-mapping.json").read_bytes())


def accompany_language_host(_module: Module, bin_folder: Path) -> None:
    """Put the script that runs a Python program beside the language host, which looks for it on PATH.

    It is the CLI's version, not the older host's: both come from modules that `go.sum` pins.
    """
    script = f"{LANGUAGE_HOST}-exec"
    sdk = Module.of("pulumi").dependency("github.com/pulumi/pulumi/sdk/v3")
    shutil.copyfile(sdk / "python" / "cmd" / script, bin_folder / script)
    (bin_folder / script).chmod(0o755)


def bundle_language_host(host: Path, cli: Path) -> Path:
    """The language host under a second name beside the *cli* that we built, which warns about one that is elsewhere."""
    beside = cli.with_name(host.name)
    if not (beside.exists() and beside.samefile(host)):
        beside.unlink(missing_ok=True)
        beside.hardlink_to(host)
        script = f"{host.name}-exec"
        shutil.copy(host.with_name(script), beside.with_name(script))
    return beside
