"""From a stack file to a factory: every problem at once, each with its place, its value, what is allowed and the fix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from .document import Document, Location, read_file, read_text, steps
from .errors import Finding, Severity, SpecError, did_you_mean, listed
from .rules import find_dangling
from .spec import Factory
from .spec.concept import CPU, MEMORY, WORDS

CONFIG_KEY = "ai-factory:spec"
"""The key of a stack file's `config` that holds the spec."""
FILE_KEY = "ai-factory:specFile"
"""The key that names a file beside the stack file which holds the spec instead, where it is too large for Pulumi's configuration."""
FILE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*\.ya?ml"
"""What such a file may be called: a name without folders, so that it is nowhere but beside the stack file."""
MAX_CONFIG_BYTES = 2**17
"""What Linux allows for one environment variable (MAX_ARG_STRLEN): in one, Pulumi hands a program its whole configuration."""

_STACK_KEYS = ("config", "secretsprovider", "encryptedkey", "encryptionsalt", "environment", "backend")
_SPEC: Location = ("config", CONFIG_KEY)
_NAMED = {
    "workloads": ("segment", "name"),
    "flows": ("from", "to", "port"),
    "access": ("group", "serviceAccount", "role"),
    "eligibility": ("group", "role"),
    "grants": ("user", "role", "segment"),
    "waivers": ("rule", "path"),
    "egress": ("host", "cidr", "port", "protocol"),
    "shares": ("pool",),
}
_PATTERN = {
    "workloads": "{segment}/{name}",
    "flows": "{from} -> {to}:{port}",
    "access": "{group}{serviceAccount}: {role}",
    "eligibility": "{group}: {role}",
    "grants": "{user}: {role} in {segment}",
    "waivers": "{rule} {path}",
    "egress": "{host}{cidr}:{port}/{protocol}",
    "shares": "{pool}",
}
_TAGS = ("provisioner", "kind")
"""Keys that tell the concepts of a union apart."""
HIDDEN = "(hidden)"
"""What stands in the place of a value that could be a secret."""

_SECRET = re.compile(r"-----BEGIN|^eyJ|^(AKIA|ASIA|ghp_|github_pat_|glpat-|xox[abp]-|hvs\.|sk-)|^[A-Za-z0-9+/=_-]{32,}$", re.ASCII)
_PLAIN = re.compile(r"^[A-Za-z/][^\s\"'\\]*$")
_STOCK: dict[str, Any] = {
    "name": "factory",
    "posture": "Development",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "none"},
    "trustDomain": "factory.example",
    "images": {"registries": ["registry.example/"]},
}
"""What a faulty field of the factory itself is taken for, so that the search for mistakes can go on."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A factory with the file that it came from."""

    factory: Factory
    document: Document
    """The file in which the spec stands: the stack file, or the one that it names."""
    _positions: Positions = field(default_factory=dict, repr=False, compare=False)

    def place(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The same findings, each with the line that its path names; errors first, then as they stand in the file."""
        placed = [finding.at(self.line(finding.path)) for finding in findings]
        return tuple(sorted(placed, key=lambda finding: (finding.severity is not Severity.ERROR, finding.line or 0)))

    def line(self, path: str) -> int | None:
        """The line that a path in names stands on."""
        return _line(self.document, path, self._positions)

    def find_oversize(self) -> Iterator[Finding]:
        """Warns of a spec in a stack file that is too large to be handed to Pulumi's program."""
        spec = _get(self.document.data, _SPEC, None)
        size = len(f"PULUMI_CONFIG={json.dumps({CONFIG_KEY: json.dumps(spec, separators=(',', ':'))})}")
        if spec is not None and size >= MAX_CONFIG_BYTES:
            limit = f"Linux allows {MAX_CONFIG_BYTES // 1024} KiB"
            problem = f"is {size // 1024} KiB in the environment variable by which Pulumi hands it to its program: {limit}"
            fix = f'Move the spec to a file beside this one and name that here: "{FILE_KEY}: {self.factory.name}.spec.yaml".'
            yield Finding("ZT008", f"config.{CONFIG_KEY}", problem, fix, Severity.WARNING)


Beside = Callable[[str], Document]
"""Reads the file of a name beside a stack file. Raises SpecError."""


def load_stack(path: Path) -> Stack:
    """Reads a stack file (`stacks/Pulumi.<stack>.yaml`), and the spec that it names. Raises SpecError with every problem of form and every
    dangling name, its `source` the file that they are in."""
    return _stack(read_file(path), lambda name: read_file(path.parent / name))


def load_text(text: str, source: str, beside: Beside | None = None) -> Stack:
    """Reads the text of a stack file, such as one of another git revision. Raises SpecError as `load_stack` does."""
    return _stack(read_text(text, source), beside or _nothing)


def load_config(config: Mapping[str, Any], folder: Path) -> Stack:
    """Reads the `config` of a stack file that Pulumi has parsed; the file that it may name is in `folder`. Raises SpecError as
    `load_stack` does."""
    return _stack(Document(CONFIG_KEY, {"config": config}, {}), lambda name: read_file(folder / name))


def load_object(data: Any, source: str = CONFIG_KEY) -> Factory:
    """Reads a spec that somebody else has parsed, such as Pulumi's configuration. Raises SpecError as `load_stack` does."""
    factory, findings = _validate(data)
    if factory is None or findings:
        raise SpecError([finding for _, finding in findings], source)
    return factory


def _stack(document: Document, beside: Beside) -> Stack:
    data = document.data
    findings = list(_envelope(data))
    if findings:
        raise SpecError([finding.at(document.line(location)) for location, finding in findings], document.source)
    if FILE_KEY not in data["config"]:
        return _read(document, _SPEC)
    try:
        named = beside(data["config"][FILE_KEY])
    except SpecError as error:
        if error.findings[0].id != "ZT001":
            raise
        fix = "Put the spec into a file of this name beside the stack file, or mend the name."
        problem = f"names a file that {error.findings[0].problem}"
        line = document.line(("config", FILE_KEY))
        missing = Finding("ZT001", f"config.{FILE_KEY}", problem, fix, value=data["config"][FILE_KEY], line=line)
        raise SpecError([missing], document.source) from None
    return _read(named, ())


def _nothing(name: str) -> Document:
    raise SpecError([Finding("ZT001", name, "is not there", "Write the spec into the text itself.")], name)


def _read(document: Document, root: Location) -> Stack:
    """The spec at a place of a document: below its key in a stack file, or the whole of a file of its own."""
    factory, problems = _validate(_get(document.data, root, None))
    if factory is None or problems:
        positions: Positions = {}
        placed = [
            finding.at(document.line((*root, *location)) if location else _line(document, finding.path, positions))
            for location, finding in problems
        ]
        raise SpecError(sorted(placed, key=lambda finding: (finding.line or 0, finding.id)), document.source)
    return Stack(factory, document)


def _envelope(data: Any) -> Iterator[tuple[Location, Finding]]:
    """The part of a stack file that is Pulumi's."""
    if not isinstance(data, Mapping):
        yield (), Finding("ZT007", "file", "is not a mapping", 'Begin with "config:"; copy a file of stacks/.')
        return
    for key in data:
        if key not in _STACK_KEYS:
            fix = did_you_mean(key, _STACK_KEYS) or "Remove it."
            yield (key,), Finding("ZT005", key or '""', "is not a key of a stack file", fix, allowed=listed(_STACK_KEYS))
    config = data.get("config")
    if not isinstance(config, Mapping):
        yield ("config",), Finding("ZT006", "config", "is missing", f'Add "config:" with the key "{CONFIG_KEY}" below it.')
        return
    keys = (CONFIG_KEY, FILE_KEY)
    unknown = [key for key in config if key.startswith("ai-factory:") and key not in keys]
    for key in unknown:
        fix = did_you_mean(key, keys) or f'Did you mean "{CONFIG_KEY}"?'
        yield ("config", key), Finding("ZT005", f"config.{key}", "is not a key of this program", fix, allowed=listed(keys))
    given = [key for key in keys if key in config]
    if not given and not unknown:
        yield ("config",), Finding("ZT006", f"config.{CONFIG_KEY}", "is missing", f'Add "{CONFIG_KEY}:" below "config:".')
    if given == [*keys]:
        fix = "Keep one of the two: of two specs, nobody would know which holds."
        yield ("config", FILE_KEY), Finding("ZT007", f"config.{FILE_KEY}", f"is given beside {CONFIG_KEY}", fix)
    elif FILE_KEY in config and not (isinstance(name := config[FILE_KEY], str) and re.fullmatch(FILE_NAME, name)):
        finding = Finding(
            "ZT007",
            f"config.{FILE_KEY}",
            "is not the name of a YAML file beside the stack file",
            "Move the file beside the stack file and give its name alone.",
            value=_shown(FILE_KEY, name),
            allowed='a name without folders, such as "acme.spec.yaml"',
        )
        yield ("config", FILE_KEY), finding


def _validate(data: Any) -> tuple[Factory | None, list[tuple[Location, Finding]]]:
    """The factory, where one could be read, and what is wrong with it.

    After errors of form, the faulty parts are dropped and the rest is read again, so that dangling names are found in the same run.
    """
    if not isinstance(data, Mapping):
        return None, [((), Finding("ZT007", CONFIG_KEY, "is not a mapping", "Copy the spec of a file in stacks/.", value=_shown("", data)))]
    findings: list[tuple[Location, Finding]] = []
    dropped: set[tuple[str, str]] = set()
    for attempt in range(8):
        try:
            factory = Factory.model_validate_json(json.dumps(data), by_alias=True, by_name=False)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=True, include_input=False)
            if attempt == 0:
                findings = _once(_finding(data, dict(detail)) for detail in errors if not _echo(data, dict(detail)))
            smaller = _without(data, [_real(data, detail["loc"]) for detail in errors], dropped)
            if smaller is None:
                return None, findings
            data = smaller
        except RecursionError:
            return None, [((), Finding("ZT002", CONFIG_KEY, "is nested too deeply", "Flatten it: a spec needs eight levels."))]
        else:
            findings += [((), finding) for finding in find_dangling(factory, dropped)]
            return factory, findings
    return None, findings


def _without(data: Any, locations: list[Location], dropped: set[tuple[str, str]]) -> Any:
    """The data without its faulty parts: an unknown key, an optional field or a whole list item. None where nothing would be left."""
    copy = json.loads(json.dumps(data))
    doomed: set[Location] = set()
    for location in locations:
        inside = [position for position, step in enumerate(location) if isinstance(step, int)]
        if location and location[-1] in _get(data, location[:-1], ()) and not _required(location):
            doomed.add(location)
        elif inside:
            doomed.add(location[: inside[0] + 1])
        elif location and location[0] in _STOCK and data.get(location[0]) != _STOCK[str(location[0])]:
            copy[location[0]] = _STOCK[str(location[0])]
        else:
            return None
    for location in sorted(doomed, key=lambda place: [str(step).rjust(8) for step in place], reverse=True):
        parent = _get(copy, location[:-1], None)
        if parent is None:
            continue
        if isinstance(location[-1], int):
            dropped.add((str(location[-2]), _item_name(str(location[-2]), parent[location[-1]]) or ""))
            parent[location[-1]] = None
        else:
            parent.pop(location[-1], None)
    return _compact(copy)


def _compact(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _compact(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_compact(value) for value in data if value is not None]
    return data


def _required(location: Location) -> bool:
    model = _model(location[:-1])
    field = _field(model, str(location[-1])) if model else None
    return field is not None and field.is_required()


def _real(data: Any, location: tuple[int | str, ...]) -> Location:
    """A pydantic location without the tags that it inserts for unions and keys."""
    real: list[str | int] = []
    here = data
    for position, step in enumerate(location):
        last = position == len(location) - 1
        if step == "[key]":
            continue
        if isinstance(here, Mapping):
            if step in here:
                here = here[step]
            elif not last:
                continue
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif not last:
            continue
        real.append(step)
    return tuple(real)


def _echo(data: Any, detail: dict[str, Any]) -> bool:
    """Whether pydantic calls a list too short only because it has counted out the faulty items, each of which it also reports."""
    value = _get(data, _real(data, detail["loc"]), None)
    return detail["type"] == "too_short" and isinstance(value, list | dict) and len(value) >= detail["ctx"]["min_length"]


def _once(found: Iterable[tuple[Location, Finding]]) -> list[tuple[Location, Finding]]:
    """The findings without those of missing keys that stand there misspelt: mended once, both are."""
    findings = [*found]
    meant = {(location[:-1], finding.fix) for location, finding in findings if finding.id == "ZT005"}
    return [
        (location, finding)
        for location, finding in findings
        if finding.id != "ZT006" or (location[:-1], did_you_mean(str(location[-1]), [str(location[-1])])) not in meant
    ]


def _finding(data: Any, detail: dict[str, Any]) -> tuple[Location, Finding]:
    kind, context = detail["type"], detail.get("ctx", {})
    location = _real(data, detail["loc"])
    path = _path(data, location)
    key = str(location[-1]) if location else ""
    value = _get(data, location, None)
    shown = _shown(key, value)
    word = value if isinstance(value, str) else ""

    def invalid(problem: str, allowed: str | None, fix: str) -> tuple[Location, Finding]:
        return location, Finding("ZT007", path, problem, fix, value=shown, allowed=allowed)

    match kind:
        case "extra_forbidden":
            known = [*_keys(_model(detail["loc"][:-1]))]
            given = _get(data, location[:-1], {})
            fix = did_you_mean(key, (other for other in known if other not in given)) or "Remove it."
            if _SECRET.search(key):  # pasted where a key belongs
                path = f"{path.removesuffix(key)}{HIDDEN}"
            return location, Finding("ZT005", path, "is not a known key", fix, allowed=listed(known, limit=30))
        case "missing":
            return location, Finding("ZT006", path, "is missing", f'Add "{key}:".')
        case "union_tag_not_found":
            tag = context["discriminator"].strip("'")
            return location, Finding("ZT006", f"{path}.{tag}", "is missing", f'Add "{tag}:".', allowed=listed(_tags(detail["loc"], tag)))
        case "union_tag_invalid":
            tag = context["discriminator"].strip("'")
            given = value.get(tag) if isinstance(value, Mapping) else None
            known = [part.strip("' ") for part in context["expected_tags"].split(",")]
            fix = did_you_mean(str(given), known) or "Choose one of these."
            return (*location, tag), Finding("ZT007", f"{path}.{tag}", "is unknown", fix, value=_shown(tag, given), allowed=listed(known))
        case "string_pattern_mismatch":
            return invalid("is malformed", WORDS.get(context["pattern"], context["pattern"]), _unit(context["pattern"], word, shown))
        case "enum" | "literal_error":
            known = re.findall(r"'([^']*)'", context["expected"])
            near = next((f'Did you mean "{other}"?' for other in known if other.lower() == word.lower()), "")
            return invalid("is unknown", listed(known), near or did_you_mean(word, known) or "Choose one of these.")
        case "string_type":
            if isinstance(value, int | float) and not isinstance(value, bool):
                return invalid("is a number, not text", None, "Put it in quotes.")
            return invalid("is not text", "text", "Write text.")
        case "int_type" | "int_parsing" | "int_from_float":
            return invalid("is not a whole number", "a whole number, without quotes or unit", "Write a number.")
        case "bool_type" | "bool_parsing":
            return invalid("is neither true nor false", "true, false", "Write true or false.")
        case "greater_than_equal" | "less_than_equal":
            bound = "at least" if kind == "greater_than_equal" else "at most"
            return invalid("is out of range", f"{bound} {context.get('ge', context.get('le'))}", "Change the number.")
        case "too_short":
            return location, Finding("ZT007", path, "is empty", f"Give at least {context['min_length']}.")
        case "string_too_short":
            return invalid("is too short", f"at least {context['min_length']} characters", "Say more.")
        case "string_too_long":
            length = len(word)
            return location, Finding(
                "ZT007", path, f"is {length} characters long", "Shorten it.", allowed=f"at most {context['max_length']}"
            )
        case "tuple_type" | "list_type":
            return invalid(
                "is not a list", "a list: one item a line, each behind a dash", 'Write it in brackets, or behind "- " on a line of its own.'
            )
        case "model_type" | "model_attributes_type" | "dict_type":
            model = _model(detail["loc"])
            return invalid("is not a mapping", listed(_keys(model), limit=30) if model else "keys and values", "Write keys and values.")
        case "cidr":
            return invalid(detail["msg"], context.get("allowed"), context.get("fix", "Write one."))
        case _:
            return invalid(str(detail["msg"]).lower(), None, "Change it.")


def _unit(pattern: str, word: str, shown: str | None) -> str:
    """The fix for a value that fails a pattern: for a quantity, the one that was probably meant; nothing of a value that is hidden."""
    match = re.match(r"^\s*([0-9]+)\s*([kKMGTP])?i?[bB]?\s*$", word)
    if pattern == MEMORY and match:
        unit = (match.group(2) or "G").upper()
        return f'Did you mean "{match.group(1)}{"Ki" if unit == "K" else unit + "i"}"?'
    if pattern == CPU and (match := re.match(r"^\s*([0-9.]+)\s*[a-zA-Z]", word)):
        return f'Did you mean "{match.group(1)}"?'
    lower = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")
    return f'Did you mean "{lower}"?' if shown != HIDDEN and lower != word and re.match(pattern, lower) else "Change it to this form."


def _shown(key: str, value: Any) -> str | None:
    """A scalar as it may be printed: never one that could be a secret."""
    if value is None or isinstance(value, Mapping | list):
        return None
    if re.search(r"secret|password|token(?!Age|Life)|credential|private", key, re.IGNORECASE) or (
        isinstance(value, str) and _SECRET.search(value)
    ):
        return HIDDEN
    text = value if isinstance(value, str) and _PLAIN.match(value) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _get(data: Any, location: Location, default: Any) -> Any:
    for step in location:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return default
    return data


def _item_name(collection: str, item: Any) -> str | None:
    """What a list item is called in paths: its name, or the fields that tell it apart."""
    if isinstance(item, str):
        return item
    if not isinstance(item, Mapping):
        return None
    keys = _NAMED.get(collection, ("name",))
    if not any(isinstance(item.get(key), str) for key in keys):
        return None
    name = _PATTERN.get(collection, "{name}").format_map({key: item.get(key) or "" for key in keys})
    return name.removesuffix("/TCP").removesuffix("/")


def _path(data: Any, location: Location) -> str:
    """The location in names: `workloads[training/trainer].pool`."""
    path, here, collection = "", data, ""
    for step in location:
        inner = _get(here, (step,), None)
        if isinstance(step, int):
            name = _item_name(collection, inner) if not isinstance(inner, str) else None
            path += f"[{step if name is None else name}]"
        else:
            key = step or '""'
            path += f".{key}" if path else key
            collection = step
        here = inner
    return path or CONFIG_KEY


Positions = dict[int, dict[str | None, int]]
"""Where the items of each list stand, by name: a list is searched once, however many places in it are asked for."""


def _line(document: Document, path: str, positions: Positions) -> int | None:
    """The line that a path in names stands on."""
    root = _SPEC if _SPEC[0] in document.data else ()  # no spec has a key of this name
    location: list[str | int] = list(root)
    here = _get(document.data, root, None)
    collection = ""
    for step in steps(path):
        position: str | int = step
        if isinstance(here, list):
            if (named := positions.get(id(here))) is None:
                named = positions[id(here)] = {_item_name(collection, item): len(here) - n for n, item in enumerate(reversed(here), 1)}
            position = named.get(step, int(step) if step.isdigit() else len(here))
        else:
            collection = step
        location.append(position)
        here = _get(here, (position,), None)
    return document.line(tuple(location))


def _model(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The concept that a location holds, or None where it holds a plain value. Understands the tags that pydantic inserts for unions."""
    models: list[type[BaseModel]] = [Factory]
    for step in location:
        if isinstance(step, int):
            continue
        tagged = [model for model in models if any(step in _literals(model, tag) for tag in _TAGS)]
        if tagged:
            models = tagged
            continue
        field = next((found for model in models if (found := _field(model, step)) is not None), None)
        if field is None:
            return None
        models = [*_models(field.annotation)]
    return models[0] if models else None


def _tags(location: tuple[int | str, ...], tag: str) -> list[str]:
    """The words that tell the concepts of a union at a location apart."""
    *parent, key = [step for step in location if isinstance(step, str)]
    field = _field(_model(tuple(parent)) or Factory, key)
    return [word for model in _models(field.annotation) for word in _literals(model, tag)]


def _literals(model: type[BaseModel], tag: str) -> tuple[Any, ...]:
    return get_args(model.model_fields[tag].annotation) if tag in model.model_fields else ()


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (tuple, list, Union, UnionType, Annotated):
        for argument in get_args(annotation):
            yield from _models(argument)


def _field(model: type[BaseModel], key: str) -> Any:
    return next((field for name, field in model.model_fields.items() if (field.alias or name) == key), None)


def _keys(model: type[BaseModel] | None) -> Iterator[str]:
    if model is not None:
        yield from (field.alias or name for name, field in model.model_fields.items())
