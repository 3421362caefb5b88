"""What is reviewed: plain Kubernetes objects, each with the reason why it is there, wherever they come from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from factory.document import Document, read_text
from factory.load import Stack, load_stack, load_text
from factory.plan import Because, Plan, names, plan_factory
from factory.plan.external_registry import FILES as EXTERNAL_FILES
from factory.plan.vault import FILES as VAULT_FILES

Object = Mapping[str, Any]

CONTROL_PLANE = "control-plane"
"""The part of a rendered folder that holds files for the API server's disk instead of objects."""
FOR_OTHERS = (
    "spire/values.yaml",
    "spire/entries.json",
    *(f"vault/{name}" for name in VAULT_FILES),
    *(f"registry/{name}" for name in EXTERNAL_FILES),
)
"""Rendered files that hold no objects: what they say of identities, the objects say too; what of a registry, the spec."""
NOTHING = "/dev/null"
"""What stands for a stack that is not there, as in git: before it was added, or after it was removed."""

_SUFFIXES = (".yaml", ".yml", ".json")
_REVISION = re.compile(r"^(?!-)[^:\s]+:[^:]+$")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ReviewError(Exception):
    """Something that cannot be reviewed: the message names it and the fix."""


class Name(NamedTuple):
    """Which object: stable between two versions of it."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, body: Object) -> Name:
        metadata = body["metadata"]
        group = str(body["apiVersion"]).rpartition("/")[0]
        return cls(group, str(body["kind"]), str(metadata.get("namespace") or ""), str(metadata["name"]))

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Objects:
    """Everything that is reviewed together."""

    source: str
    """Where it was read from, for messages."""
    bodies: tuple[Object, ...]
    """Objects, in the order in which they were read. No two have the same name."""
    files: Mapping[str, Any] = field(default_factory=dict)
    """Control-plane files by path, as plain data."""
    stack: Stack | None = None
    """The spec behind them, where there is one: it adds lines, listeners and classifications, never a right."""

    @cached_property
    def by_name(self) -> dict[Name, Object]:
        return {Name.of(body): body for body in self.bodies}

    @cached_property
    def segments(self) -> dict[str, str]:
        """Segment names by namespace."""
        return {
            body["metadata"]["name"]: labels[names.SEGMENT]
            for body in self.bodies
            if body["kind"] == "Namespace" and names.SEGMENT in (labels := body["metadata"].get("labels") or {})
        }

    @cached_property
    def bindings(self) -> dict[tuple[str, str], list[Object]]:
        """RoleBindings by namespace and the name of their role."""
        found: dict[tuple[str, str], list[Object]] = {}
        for body in self.bodies:
            if body["kind"] == "RoleBinding":
                role = str((body.get("roleRef") or {}).get("name"))
                found.setdefault((str(body["metadata"].get("namespace") or ""), role), []).append(body)
        return found

    def place(self, because: Because) -> str:
        """Where the spec says so, `stacks/Pulumi.dev.yaml:17`, or the source alone where no line is known."""
        line = self.stack.line(because.path) if self.stack else None
        return f"{self.source}:{line}" if line else self.source


def find_because(body: Object) -> Because | None:
    """Why an object is there, from its annotation: `path: reason`. None for an object that does not say."""
    said = (body["metadata"].get("annotations") or {}).get(names.BECAUSE)
    return _because(said) if isinstance(said, str) else None


@lru_cache(maxsize=65536)
def _because(said: str) -> Because:
    depth = 0
    for position, letter in enumerate(said):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if depth <= 0 and said.startswith(": ", position):
            return Because(said[:position], said[position + 2 :])
    return Because("", said)


def of_plan(plan: Plan, source: str, stack: Stack | None = None) -> Objects:
    """The objects of a plan, what the deployer is given first among them."""
    bodies = tuple(manifest.body for manifest in (*plan.bootstrap, *plan.manifests))
    return Objects(source, bodies, {file.path: file.content for file in plan.files}, stack)


def of_stack(stack: Stack, source: str | None = None) -> Objects:
    """The objects that a stack file implies."""
    return of_plan(plan_factory(stack.factory), source or stack.document.source, stack)


def read_objects(source: str) -> Objects:
    """Reads a stack file, a stack file of a git revision (`main:stacks/Pulumi.dev.yaml`), a folder of YAML, or nothing (`/dev/null`).

    Raises SpecError for a stack file that cannot be used, ReviewError for anything else.
    """
    path = Path(source)
    if source == NOTHING:
        return Objects(source, ())
    if path.is_dir():
        return read_folder(path)
    if not path.exists() and _REVISION.match(source):
        return of_stack(load_text(_show(source), source, partial(_beside, source)))
    return of_stack(load_stack(path))


def read_folder(folder: Path) -> Objects:
    """Reads every YAML and JSON file below a folder: a rendered one, or one from elsewhere. Raises ReviewError."""
    bodies: list[Object] = []
    files: dict[str, Any] = {}
    paths = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
    if not paths:
        raise ReviewError(f'{folder} holds no YAML. Name a folder that "factory render" wrote, or any other with Kubernetes objects.')
    for path in paths:
        documents = list(_documents(path))
        within = path.relative_to(folder)
        if within.parts[0] == CONTROL_PLANE:
            files[Path(*within.parts[1:]).as_posix()] = documents[0] if len(documents) == 1 else documents
        elif within.as_posix() not in FOR_OTHERS:
            bodies += _objects(documents, path)
    return Objects(str(folder), _single(bodies, folder), files)


def _documents(path: Path) -> Iterator[Any]:
    try:
        text = path.read_text(encoding="utf-8")
        read = [json.loads(text)] if path.suffix == ".json" else list(yaml.load_all(text, Loader=_Loader))
    except (OSError, ValueError, RecursionError) as error:
        raise ReviewError(f"{path} cannot be read: {error}. Mend it or move it out of the folder.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "broken"
        raise ReviewError(f"{path}{line} is not YAML: {problem}. Render templates first, or move the file out of the folder.") from None
    yield from (document for document in read if document is not None)


def _objects(documents: Iterable[Any], path: Path) -> Iterator[Object]:
    for document in documents:
        if isinstance(document, dict) and isinstance(document.get("items"), list) and str(document.get("kind")).endswith("List"):
            yield from _objects(document["items"], path)
            continue
        metadata = document.get("metadata") if isinstance(document, dict) else None
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not {"apiVersion", "kind"} <= document.keys():
            raise ReviewError(f"{path} holds something without apiVersion, kind and metadata.name. Move it out of the folder.")
        yield document


def _single(bodies: Iterable[Object], folder: Path) -> tuple[Object, ...]:
    found: dict[Name, Object] = {}
    for body in bodies:
        if (name := Name.of(body)) in found:
            raise ReviewError(f"{folder} holds {name} twice. Remove one: which of them would win is not known.")
        found[name] = body
    return tuple(found.values())


def _beside(source: str, name: str) -> Document:
    """The file of a name beside a file of a git revision."""
    other = re.sub(r"[^:/]*$", name, source, count=1)
    return read_text(_show(other), other)


def _show(source: str) -> str:
    import subprocess  # slow to import, and few need it

    try:
        shown = subprocess.run(["git", "show", "--end-of-options", source], capture_output=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        raise ReviewError(f"{source} names a git revision, but git is not installed.") from None
    if shown.returncode != 0:
        said = shown.stderr.decode(errors="replace").strip().splitlines()
        reason = said[0].removeprefix("fatal: ").rstrip(".") if said else "unknown"
        raise ReviewError(f"{source} cannot be read from git: {reason}. Write REVISION:PATH, the path as from the root of the repository.")
    try:
        return shown.stdout.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ReviewError(f"{source} is not UTF-8 text. Name a stack file.") from None
