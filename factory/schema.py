"""The JSON Schema of a stack file, for editors: completion, and the docstring of every field on hover.

`spec.schema.json` beside it is that of a spec in a file of its own: the part of it that is called `Factory`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from .load import CONFIG_KEY, FILE_KEY, FILE_NAME
from .spec import Concept, Factory

SCHEMA = Path(__file__).parent / "schema.json"
"""The generated schema, committed: stack files name it on their first line."""


def stack_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a stack file."""
    spec = Factory.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = spec.pop("$defs")
    definitions["Factory"] = spec
    documentation = dict(_field_docs())
    for name, definition in definitions.items():
        for key, schema in definition.get("properties", {}).items():
            schema.pop("title", None)
            if text := documentation.get((name, key)):
                schema["description"] = text
        definition.pop("title", None)
    use = "The file beside this one that holds the spec instead: for a spec that is too large for Pulumi's configuration."
    file = {"type": "string", "pattern": f"^{FILE_NAME}$", "description": use}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of a zero-trust AI factory",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "properties": {CONFIG_KEY: {"$ref": "#/$defs/Factory"}, FILE_KEY: file},
                "oneOf": [{"required": [CONFIG_KEY]}, {"required": [FILE_KEY]}],
            },
        },
        "$defs": dict(sorted(definitions.items())),
    }


def _field_docs() -> Iterator[tuple[tuple[str, str], str]]:
    """The string below each field, which Python itself drops."""
    for concept in _concepts():
        fields = ast.parse(inspect.getsource(concept)).body[0]
        assert isinstance(fields, ast.ClassDef)
        for field, text in pairwise(fields.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                key = concept.model_fields[field.target.id].alias or field.target.id
                words = " ".join(str(ast.literal_eval(text.value)).split())
                for heir in (concept, *_concepts(concept)):
                    yield (heir.__name__, key), words


def _concepts(parent: type[Concept] = Concept) -> Iterator[type[Concept]]:
    for child in parent.__subclasses__():
        yield child
        yield from _concepts(child)
