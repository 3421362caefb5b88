"""Each rule against its own examples, in `cases/<folder>/<concept>.yaml`.

A case file has `pass` and `fail` examples, each merged onto `base.yaml` (see `example.py`). A failing example lists under `finds` the paths
that the rule must find, all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.document import steps
from factory.errors import Severity, SpecError
from factory.load import load_text
from factory.rules import FOLDERS, all_rules, check, rules_of, used

from .example import TODAY, factory, merged

CASES = Path(__file__).parent / "cases"
ALL = {rule.concept: rule for rule in all_rules()}


def cases(file: Path) -> dict[str, Any]:
    """Read by libyaml: eight times as fast, for some hundred files."""
    return dict(yaml.load(file.read_text(), Loader=yaml.CSafeLoader))


def examples(outcome: str) -> list[Any]:
    return [
        pytest.param(file.stem, example, id=f"{file.stem}-{position}")
        for file in sorted(CASES.rglob("*.yaml"))
        for position, example in enumerate(cases(file)[outcome])
    ]


def test_base_has_no_findings() -> None:
    """What a failing example finds, it finds because of its own change."""
    assert check(factory({}), TODAY) == ()
    assert check(factory({"posture": "Production"}), TODAY) == ()


def test_each_rule_has_examples() -> None:
    """No rule without a passing and a failing example, no examples without their rule; both are in a folder of the same name."""
    assert {".".join(file.relative_to(CASES).with_suffix("").parts) for file in CASES.rglob("*.yaml")} == {
        rule.find.__module__.removeprefix("factory.rules.") for rule in all_rules()
    }
    for file in CASES.rglob("*.yaml"):
        assert cases(file)["pass"], file.stem
        assert cases(file)["fail"], file.stem


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


def test_what_is_not_read_finds_nothing() -> None:
    """Rules about what a spec does not have are left out: they would find nothing in it."""
    left_out = set()
    for _, example in (case.values for outcome in ("pass", "fail") for case in examples(outcome)):
        built = factory({key: value for key, value in example.items() if key != "finds"})
        for folder in set(FOLDERS) - set(used(built)):
            left_out.add(folder)
            assert [problem for rule in rules_of(folder) for problem in rule(rule.subject(built, TODAY))] == []
    assert left_out == {"identity", "trust", "keys", "registry"}


@pytest.mark.parametrize(("concept", "example"), examples("fail"))
def test_path_leads_to_a_line(concept: str, example: dict[str, Any]) -> None:
    """A finding's path is one that the loader follows to the line of the field, or of what the field is missing in."""
    del example["finds"]
    text = yaml.safe_dump({"config": {"ai-factory:spec": merged(example)}}, sort_keys=False, width=1000)
    try:
        stack = load_text(text, "case")
        findings = stack.place(check(stack.factory, TODAY))
    except SpecError as error:
        findings = error.findings
    for finding in findings:
        assert finding.line is not None
        key, _, value = text.splitlines()[finding.line - 1].strip().removeprefix("- ").partition(":")
        value = value.strip().strip("'")
        assert any(key == step or (value and value in step) or key in step for step in list(steps(finding.path))[-3:]), finding.path
