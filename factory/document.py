"""YAML, read strictly and with its lines: one document, no duplicate keys, no aliases, no tags, no surprises.

Built from parser events instead of PyYAML's loaders, because those drop duplicate keys, expand aliases without bound, recurse without
limit, and read `no`, `1_000`, `12:30` and `2027-03-31` as something else than they look like. Scalars follow the YAML 1.2 core schema, as
Pulumi itself reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import Finding, SpecError

MAX_BYTES = 16 * 2**20
"""Largest file that is read: a factory of 1,000 segments and 10,000 workloads takes about 3 MiB."""
MAX_DEPTH = 40
"""Deepest nesting that is read: a spec needs 8."""

Location = tuple[str | int, ...]
"""Keys and positions from the root of a document."""

_INTEGER = re.compile(r"^[-+]?(0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"^[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?$")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_SEPARATOR = re.compile(r"\.|\[((?:[^\[\]]|\[[^\]]*\])*)\]")

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data with the line on which each key and item stands."""

    source: str
    """Where it was read from, for messages."""
    data: Any
    """Dicts, lists, strings, numbers, booleans and None."""
    _lines: Mapping[int, Mapping[str | int, int]]

    def line(self, location: Location) -> int | None:
        """The 1-based line of the deepest part of a location that exists."""
        here, line = self.data, None
        for step in location:
            line = self._lines.get(id(here), {}).get(step, line)
            try:
                here = here[step]
            except (KeyError, IndexError, TypeError):
                break
        return line


def read_file(path: Path) -> Document:
    """Reads a YAML file. Raises SpecError, with a finding a problem, on a file that is missing, too large, binary or not plain YAML."""
    source = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _refuse(source, "does not exist", "Name a stack file, such as stacks/Pulumi.dev.yaml.", id="ZT001") from None
    except OSError as error:
        raise _refuse(
            source, f"cannot be read: {error.strerror}", "Name a stack file, such as stacks/Pulumi.dev.yaml.", id="ZT001"
        ) from None
    if len(raw) > MAX_BYTES:
        raise _refuse(
            source, f"is larger than {MAX_BYTES // 2**20} MiB", "Name a stack file; split a factory of this size in two.", id="ZT001"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refuse(source, "is not UTF-8 text", "Name a stack file: YAML in UTF-8.") from None
    return read_text(text, source)


def read_text(text: str, source: str) -> Document:
    """Reads YAML text. Raises SpecError as `read_file` does."""
    try:
        data, lines, duplicates = _build(yaml.parse(text, Loader=_Parser), source)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        if "'\\t'" in str(error.problem) or _has_tab(text, line):
            raise _refuse(source, "is indented with a tab", "Indent with spaces: YAML allows nothing else.", line) from None
        raise _refuse(source, f"is not YAML: {error.problem}", "Mend the syntax at this line.", line) from None
    except yaml.YAMLError as error:
        control = "holds a control character" if "special characters" in str(error) else f"is not YAML: {str(error).splitlines()[0]}"
        raise _refuse(source, control, "Name a stack file: YAML in UTF-8.") from None
    if duplicates:
        raise SpecError(duplicates, source)
    if data is None:
        raise _refuse(source, "is empty", "Copy a file of stacks/ and edit it.")
    return Document(source, data, lines)


def steps(path: str) -> Iterator[str]:
    """The parts of a spec path: `workloads[a/b].egress[x:443]` is `workloads`, `a/b`, `egress`, `x:443`."""
    position = 0
    for match in _SEPARATOR.finditer(path):
        if match.start() < position:
            continue
        if path[position : match.start()]:
            yield path[position : match.start()]
        if match.group(1) is not None:
            yield match.group(1)
        position = match.end()
    if path[position:]:
        yield path[position:]


class _Container:
    """A list or mapping under construction."""

    __slots__ = ("data", "key", "lines")

    def __init__(self, data: dict[str, Any] | list[Any]) -> None:
        self.data = data
        self.lines: dict[str | int, int] = {}
        self.key: str | None = None


def _build(events: Iterator[Any], source: str) -> tuple[Any, dict[int, dict[str | int, int]], list[Finding]]:
    lines: dict[int, dict[str | int, int]] = {}
    duplicates: list[Finding] = []
    stack: list[_Container] = []
    root: Any = None
    documents = 0
    for event in events:
        kind = type(event)
        line = event.start_mark.line + 1
        value: Any
        if kind is yaml.ScalarEvent:
            _refuse_tag(event, source, line)
            value = _scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            _refuse_tag(event, source, line)
            value = {} if kind is yaml.MappingStartEvent else []
            if len(stack) >= MAX_DEPTH:
                raise _refuse(source, f"is nested deeper than {MAX_DEPTH} levels", "Flatten it: a spec needs eight.", line)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            done = stack.pop()
            lines[id(done.data)] = done.lines
            continue
        elif kind is yaml.AliasEvent:
            raise _refuse(source, f"uses the alias *{event.anchor}", "Write the value out: a spec says what it means in place.", line)
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1:
                raise _refuse(source, "holds more than one document", "Keep one: remove what follows the second '---'.", line)
            continue
        else:
            continue

        if not stack:
            root = value
        else:
            top = stack[-1]
            if isinstance(top.data, list):
                top.lines[len(top.data)] = line
                top.data.append(value)
            elif top.key is None:
                if kind is not yaml.ScalarEvent:
                    raise _refuse(source, "has a key that is not a word", "Keys are plain words.", line)
                key = event.value
                if key in top.lines:
                    where = _path(stack, key)
                    fix = "Keep one: of two, the first would be lost."
                    duplicates.append(Finding("ZT003", where, f"is set twice, first on line {top.lines[key]}", fix, line=line))
                top.key = key
                top.lines.setdefault(key, line)
                continue
            else:
                top.data[top.key] = value
                top.key = None
        if kind is not yaml.ScalarEvent:
            stack.append(_Container(value))
    return root, lines, duplicates


def _scalar(event: Any) -> Any:
    text = event.value
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text) and len(text) < 20:
        return int(text)
    if _FLOAT.match(text) and len(text) < 40:
        return float(text)
    return text


def _refuse_tag(event: Any, source: str, line: int) -> None:
    if event.tag is not None and event.tag != "!":
        raise _refuse(source, f"uses the tag {event.tag}", "Remove it: values are what they look like.", line)


def _path(stack: Sequence[_Container], key: str) -> str:
    parts = [
        f"[{len(container.data) - 1}]" if isinstance(container.data, list) else f".{[*container.lines][-1]}" for container in stack[:-1]
    ]
    return ("".join(parts) + f".{key}").lstrip(".").removeprefix("config.ai-factory:spec.")


def _has_tab(text: str, line: int | None) -> bool:
    lines = text.split("\n")
    return line is not None and any("\t" in near[: len(near) - len(near.lstrip())] for near in lines[max(0, line - 2) : line])


def _refuse(source: str, problem: str, fix: str, line: int | None = None, id: str = "ZT002") -> SpecError:
    return SpecError([Finding(id, source, problem, fix, line=line)], source)
