"""A plan as files: the same bytes for the same spec, and nothing stale left behind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from .plan import Because, File, Manifest, Plan

HEADER = "# Rendered by factory; because "
JSON_HEADER = '{\n  "#": "Rendered by factory; because '
"""How every rendered file begins: only such files are ever replaced or removed."""

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

TITLE = "# Rendered factory\n"
README = f"""\
{TITLE}
| folder | what | who applies it |
| --- | --- | --- |
| bootstrap/ | the deployer's own rights | a cluster administrator, once, before anything else |
| manifests/ | every object of the plan, one a file | the deployer, in the order of the file names |
| patches/ | labels and taints for nodes that somebody else owns | the deployer, by server-side apply |
| vault/ | OpenBao's configuration, policies of keys, and a script that applies them | whoever runs the vault |
| registry/ | what a registry that somebody else runs must be configured with | whoever runs it |
| spire/ | values for SPIRE's Helm chart, and registration entries for a SPIRE without controller-manager | whoever installs SPIRE |
| trust/ | the roots, and what their owner signs: limits for OpenSSL, steps | the owner of the root certificate authority |
| control-plane/ | files for the API server's disk below /etc/kubernetes/factory, or what a managed one takes | whoever runs it |
"""


class RenderError(Exception):
    """A folder that cannot be written without losing somebody's files."""


def render(plan: Plan, folder: Path) -> int:
    """Writes a plan below `folder` and returns the number of files. Raises RenderError where a file in the way is not a rendered one."""
    files = dict(_files(plan))
    stale = [path for path in _existing(folder) if path.relative_to(folder).as_posix() not in files]
    targets = (folder / name for name in files)
    foreign = [path for path in (*stale, *targets) if path.is_file() and not _rendered(path)]
    if foreign:
        raise RenderError(f'{foreign[0]} was not rendered by factory. Choose an empty folder with "-o", or move that file away.')
    for path in stale:
        path.unlink()
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    return len(files)


def _files(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "README.md", README
    for manifest in plan.bootstrap:
        yield f"bootstrap/{_file_name(manifest)}", _document(manifest.because, [manifest.body])
    for manifest in plan.manifests:
        yield f"{'patches' if manifest.patch else 'manifests'}/{_file_name(manifest)}", _document(manifest.because, [manifest.body])
    parts = {"control-plane": plan.files, "registry": plan.registry, "spire": plan.spire, "trust": plan.trust, "vault": plan.vault}
    for folder, files in parts.items():
        for file in files:
            yield f"{folder}/{file.path}", _content(file)


def _content(file: File) -> str:
    if isinstance(file.content, str):
        return f"{HEADER}{file.because}\n\n{file.content}"
    if file.path.endswith(".json"):
        # JSON has no comments; whoever reads the file ignores the key.
        return json.dumps({"#": f"{HEADER.removeprefix('# ')}{file.because}", **file.content}, indent=2) + "\n"
    return _document(file.because, file.content if isinstance(file.content, list) else [file.content])


def _file_name(manifest: Manifest) -> str:
    """Sorted by name, files are in an order in which they can be applied: namespaces, what stands in them, what depends on that."""
    body = manifest.body
    metadata = body["metadata"]
    phase = 0 if body["kind"] == "Namespace" else 2 if manifest.after else 1
    parts = [str(phase), body["kind"].lower(), *([metadata["namespace"]] if "namespace" in metadata else []), metadata["name"]]
    return "-".join(parts).replace(":", "-").replace("/", "-") + ".yaml"


def _document(because: Because, contents: Iterable[Any]) -> str:
    return HEADER + f"{because}\n" + yaml.dump_all(contents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140)


def _existing(folder: Path) -> Iterator[Path]:
    for part in ("bootstrap", "manifests", "patches", "control-plane", "spire", "vault", "trust", "registry"):
        yield from sorted(path for path in (folder / part).rglob("*") if path.is_file())


def _rendered(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(JSON_HEADER)).startswith((HEADER.encode(), JSON_HEADER.encode(), TITLE.encode()))
