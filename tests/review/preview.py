"""What `pulumi preview` shows of a change, on a lab where the stack before the change is deployed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from factory.load import load_stack
from factory.plan import plan_factory
from factory.render import render
from lab import Lab

ROOT = Path(__file__).parents[2]
ROW = re.compile(r" [-+~]+ {1,2}\S")


@dataclass
class Site:
    """A deployed stack, and the folder from which it was."""

    name: str
    folder: Path
    environment: dict[str, str]

    def pulumi(self, *arguments: str) -> str:
        command = ["pulumi", *arguments, "--stack", self.name, "--non-interactive", "--color", "never", "--suppress-progress"]
        return self.run(*command, "--suppress-permalink")

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Previews:
    """Previews of changed stack files. Each stack is deployed once, on a lab of its own, when it is first asked for."""

    def __enter__(self) -> Self:
        self._exit = ExitStack()
        self._sites: dict[str, Site] = {}
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def __call__(self, stack: str, content: str) -> str:
        """What a pull request shows of it: as the workflow runs and strips it."""
        site = self._sites.get(stack) or self._deployed(stack)
        file = site.folder / "stacks" / f"Pulumi.{stack}.yaml"
        before = file.read_text()
        file.write_text(content)
        shown = site.pulumi("preview")
        file.write_text(before)
        strip = ["sed", "-E", "-f", str(ROOT / ".github" / "workflows" / "preview.sed")]
        shown = subprocess.run(strip, input=shown, capture_output=True, text=True, check=True).stdout
        # Rows come as Pulumi gets to them, some again when it is done with them.
        rows = sorted({line for line in shown.splitlines(keepends=True) if ROW.match(line)})
        return "".join([*rows, *(line for line in shown.splitlines(keepends=True) if not ROW.match(line))])

    def _deployed(self, stack: str) -> Site:
        folder = Path(self._exit.enter_context(tempfile.TemporaryDirectory()))
        (folder / "stacks").mkdir()
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        shutil.copy(ROOT / "stacks" / "__main__.py", folder / "stacks")
        file = ROOT / "stacks" / f"Pulumi.{stack}.yaml"
        shutil.copy(file, folder / "stacks")
        factory = load_stack(file).factory
        render(plan_factory(factory), folder / "rendered")
        lab = Lab(f"review-{uuid4().hex[:8]}")
        self._exit.callback(lab.down)
        lab.up(nodes=file.with_name("dev.nodes.yaml"))
        lab.user(factory.deployer.user)
        environment = os.environ | lab.environment() | {"PULUMI_SKIP_CHECKPOINTS": "1"}
        self._sites[stack] = site = Site(stack, folder, environment)
        bootstrap = str(folder / "rendered" / "bootstrap")
        site.run("kubectl", "--context", "lab-admin", "apply", "--server-side", "--field-manager", "lab-bootstrap", "-f", bootstrap)
        site.run("pulumi", "stack", "init", stack, "--non-interactive")
        site.pulumi("up", "--yes", "--skip-preview", "--parallel", "32")
        return site
