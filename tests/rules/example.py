"""Small factories for rules to look at: a change, merged onto `base.yaml`.

Mappings are merged by key, lists of named things by name; other lists are replaced. `null` removes a key, `absent: true` a named thing;
`twin: true` adds a second one of the same name.
"""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from factory.spec import Factory

BASE = yaml.safe_load((Path(__file__).parent / "base.yaml").read_text())
TODAY = date(2026, 11, 24)


def name(collection: str, item: dict[str, Any]) -> tuple[Any, ...]:
    keys = {"flows": ("from", "to", "port"), "workloads": ("segment", "name")}.get(collection, ("name",))
    return tuple(item.get(key) for key in keys)


def merge(base: Any, change: Any, collection: str = "") -> Any:
    if isinstance(base, dict) and isinstance(change, dict):
        merged = base | {key: merge(base.get(key), value, key) for key, value in change.items()}
        return {key: value for key, value in merged.items() if value is not None}
    if isinstance(base, list) and isinstance(change, list) and all(isinstance(item, dict) for item in base):
        items = {name(collection, item): item for item in base}
        twins = [item for item in change if item.pop("twin", False)]
        for item in change:
            if item not in twins:
                items[name(collection, item)] = merge(items.get(name(collection, item), {}), item)
        return [*(item for item in items.values() if not item.pop("absent", False)), *twins]
    return change


def merged(change: dict[str, Any]) -> dict[str, Any]:
    """The spec as a stack file would hold it. Neither the base nor the change is touched."""
    spec: dict[str, Any] = merge(deepcopy(BASE), deepcopy(change))
    return spec


def factory(change: dict[str, Any]) -> Factory:
    """The factory that the changed spec describes."""
    return Factory.model_validate_json(json.dumps(merged(change)), by_alias=True, by_name=False)
