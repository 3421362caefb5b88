"""The plugin's place in a Pulumi home: the official one where it can be had, else the stand-in."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

NAME = "pulumi-resource-tls"
VERSION = version("pulumi-tls")
"""The plugin's version is the Python package's: it asks for this one."""
PATIENCE = 90
"""Seconds that the official plugin may take to download."""


def install(home: Path, pulumi: Path) -> bool:
    """Have the plugin in the Pulumi home *home*: by the CLI *pulumi* if it can download the official one, else the stand-in.

    Nothing is asked for when a plugin is there already. Returns: whether it is the stand-in.
    """
    executable = home / "plugins" / f"resource-tls-v{VERSION}" / NAME
    if not executable.exists() and not _download(home, pulumi, executable):
        executable.parent.mkdir(parents=True, exist_ok=True)
        executable.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m lab.tls "$@"\n')
        executable.chmod(0o755)
    with executable.open("rb") as file:
        return file.read(2) == b"#!"


def _download(home: Path, pulumi: Path, executable: Path) -> bool:
    command = [str(pulumi), "plugin", "install", "resource", "tls", VERSION]
    environment = os.environ | {"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False
    return executable.exists()
