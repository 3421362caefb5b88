"""The reviewer's walk: runs what docs/review.md shows, so that it shows what is.

A walk's `diff` block is applied to the stack that its first line names, and the next `console` block holds the command and what it prints.
`python -m tests.review.walk` writes the page anew, with `--preview` also what `pulumi preview` shows, on labs of its own.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

from factory import cli

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "review.md"
BLOCK = re.compile(r"^```(diff|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


Preview = Callable[[str, str], str]
"""What `pulumi preview` shows, for a stack's name and the content of its file."""


def walk(page: str, preview: Preview | None = None) -> str:
    """The page with every console block run anew. Without `preview`, what `pulumi preview` showed stays as it is."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("stacks").symlink_to(ROOT / "stacks")

        def run(block: re.Match[str]) -> str:
            kind, text = block.groups()
            if kind == "diff":
                apply(text)
                return block[0]
            command = text.splitlines()[0]
            words = shlex.split(command.removeprefix("$ "))
            if words[0] == "pulumi":
                assert words[1:-1] == ["preview", "--stack"], command
                shown = preview(words[-1], Path("new.yaml").read_text()) if preview else text.partition("\n")[2]
            else:
                shown = output(words)
            return f"```console\n{command}\n{shown}```"

        return BLOCK.sub(run, page)


def apply(text: str) -> None:
    """Writes `new.yaml`: the named stack with each hunk of the block applied. Raises ValueError for a hunk that does not fit once."""
    first, *lines = text.splitlines()
    stack = Path(first.removeprefix("--- "))
    content = stack.read_text()
    for hunk in "\n".join(lines).split("\n@@\n"):
        parts = [(line[:1], line[1:] + "\n") for line in hunk.splitlines() if not line.startswith("+++")]
        old = "".join(line for sign, line in parts if sign in "- ")
        new = "".join(line for sign, line in parts if sign in "+ ")
        if content.count(old) != 1:
            raise ValueError(f"stands {content.count(old)} times in {stack}:\n{old}")
        content = content.replace(old, new)
    Path("new.yaml").write_text(content)


def output(words: list[str]) -> str:
    """What a factory command prints, and its exit code where that is not 0."""
    assert words[0] == "factory", words
    os.environ["NO_COLOR"] = "1"
    with redirect_stdout(StringIO()) as out:
        code = cli.main(words[1:])
    return out.getvalue() + (f"(exit {code})\n" if code else "")


if __name__ == "__main__":
    if sys.argv[1:] == ["--preview"]:
        from .preview import Previews

        with Previews() as previews:
            PAGE.write_text(walk(PAGE.read_text(), previews))
    else:
        PAGE.write_text(walk(PAGE.read_text()))
