"""`factory diff` and `factory explain` of 1,000 segments, against `factory validate` of the same: what a review costs beside its plans."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from .figure import Figure, best, run
from .sample import sample

SEGMENTS = 1000
FACTORY = str(Path(sys.executable).with_name("factory"))


def measure() -> list[Figure]:
    """Seconds of the processor, the best of two in turns."""
    with TemporaryDirectory() as folder:
        old, new = (_written(Path(folder) / f"{name}.yaml", spec) for name, spec in (("old", sample(SEGMENTS)), ("new", _changed())))
        commands = {
            "validate": [FACTORY, "validate", old],
            "diff": [FACTORY, "diff", old, new],
            "whole": [FACTORY, "diff", "/dev/null", new],
            "explain": [FACTORY, "explain", old],
        }
        seconds = best({name: partial(_seconds, command) for name, command in commands.items()}, rounds=2)
    size = f"{SEGMENTS:,} segments with 8 flows each"
    return [
        Figure(
            f"`factory diff` of a port and a flow among {size} / `factory validate` of both", seconds["diff"] / seconds["validate"] / 2, 3
        ),
        Figure("`factory diff` of all of them, new / `factory validate`", seconds["whole"] / seconds["validate"], 5),
        Figure("`factory explain` of all of them / `factory validate`", seconds["explain"] / seconds["validate"], 3),
    ]


def _changed() -> dict[str, Any]:
    spec = sample(SEGMENTS)
    spec["flows"].append({"from": "s0/w0", "to": "s5/w3", "port": "api", "because": "a new way"})
    spec["workloads"][9]["listens"][0]["port"] = 9000
    return spec


def _written(path: Path, spec: dict[str, Any]) -> str:
    path.write_text(yaml.dump({"config": {"ai-factory:spec": spec}}, sort_keys=False, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
    return str(path)


def _seconds(command: list[str]) -> float:
    return run(command).cpu
