"""The browser of the tests: Debian's Chromium, or Google Chrome."""

from __future__ import annotations

import shutil

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""What it is started with: no window, and nothing that it would ask the network for by itself."""


def find_chromium() -> str:
    """The program on PATH. Raises FileNotFoundError, with what to do, where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if program := shutil.which(name):
            return program
    raise FileNotFoundError('No Chromium on PATH: run "make browser", or install it (Debian: apt-get install chromium).')
