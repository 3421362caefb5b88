"""`factory validate`, the whole command, against a Python that only imports the two libraries it stands on."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from .figure import Figure, best, run

STACK = "stacks/Pulumi.dev.yaml"
READING = f"""
from factory.process import begin, end
begin()
import json
from pathlib import Path
from factory.document import read_file
from factory.spec import Factory
Factory.model_validate_json(json.dumps(read_file(Path("{STACK}")).data["config"]["ai-factory:spec"]))
end(0)
"""
"""What no `validate` with these models does without."""
FACTORY = str(Path(sys.executable).with_name("factory"))


def measure() -> list[Figure]:
    """Seconds of the processor, the best of many in turns."""
    commands = {
        "factory": [FACTORY, "validate", STACK],
        "imports": [sys.executable, "-c", "import pydantic, yaml"],
        "reading": [sys.executable, "-c", READING],
        "model": [sys.executable, "-c", "import yaml; from pydantic import BaseModel, Field, StringConstraints"],
    }
    seconds = best({name: partial(_seconds, command) for name, command in commands.items()}, rounds=15)
    return [
        Figure(f"`factory validate {STACK}` / `python -c 'import pydantic, yaml'`", seconds["factory"] / seconds["imports"], at_most=2.5),
        Figure("of that, to read the stack into its models, without rule, plan or proof", seconds["reading"] / seconds["imports"]),
        Figure("of that, to import pydantic's `BaseModel`, which it loads when first used", seconds["model"] / seconds["imports"]),
    ]


def _seconds(command: list[str]) -> float:
    return run(command).cpu
