"""Each rule against its own examples, in `cases/<concept>.yaml`.

A case file has `pass` and `fail` examples. An example is merged onto `base.yaml`: mappings by key, lists of named things by name, other
lists replaced. `null` removes a key, `absent: true` a named thing; `twin: true` adds a second one of the same name. A failing example lists
under `finds` the paths that the rule must find, all of them.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.errors import Severity
from factory.rules import RULES, WAIVER_RULES, check
from factory.spec import Factory

HERE = Path(__file__).parent
CASES = HERE / "cases"
BASE = yaml.safe_load((HERE / "base.yaml").read_text())
TODAY = date(2026, 11, 24)
ALL = {rule.concept: rule for rule in (*RULES, *WAIVER_RULES)}


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


def factory(change: dict[str, Any]) -> Factory:
    base = json.loads(json.dumps(BASE))
    return Factory.model_validate_json(json.dumps(merge(base, json.loads(json.dumps(change)))), by_alias=True, by_name=False)


def examples(outcome: str) -> list[Any]:
    return [
        pytest.param(file.stem, example, id=f"{file.stem}-{position}")
        for file in sorted(CASES.glob("*.yaml"))
        for position, example in enumerate(yaml.safe_load(file.read_text())[outcome])
    ]


def test_base_has_no_findings() -> None:
    """What a failing example finds, it finds because of its own change."""
    assert check(factory({}), TODAY) == ()
    assert check(factory({"posture": "Production"}), TODAY) == ()


def test_each_rule_has_examples() -> None:
    """No rule without a passing and a failing example, no examples without their rule."""
    assert {file.stem for file in CASES.glob("*.yaml")} == set(ALL)
    for file in CASES.glob("*.yaml"):
        cases = yaml.safe_load(file.read_text())
        assert cases["pass"], file.stem
        assert cases["fail"], file.stem


@pytest.mark.parametrize(("concept", "example"), examples("pass"))
def test_pass(concept: str, example: dict[str, Any]) -> None:
    """The rule lets its good examples through, and so does every other rule that refuses."""
    findings = check(factory(example), TODAY)
    assert [finding for finding in findings if finding.id == ALL[concept].id or finding.severity is Severity.ERROR] == []


@pytest.mark.parametrize(("concept", "example"), examples("fail"))
def test_fail(concept: str, example: dict[str, Any]) -> None:
    """The rule finds exactly the paths that its bad examples name, with its severity, and nothing else is refused."""
    rule, paths = ALL[concept], example.pop("finds")
    built = factory(example)
    findings = check(built, TODAY)
    assert {(finding.id, finding.path, finding.severity) for finding in findings if finding.id == rule.id} == {
        (rule.id, path, rule.severity[built.posture]) for path in paths
    }
    assert len({finding.path for finding in findings if finding.id == rule.id}) == len([f for f in findings if f.id == rule.id])
    assert [finding for finding in findings if finding.id != rule.id and finding.severity is Severity.ERROR] == []
