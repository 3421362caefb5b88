"""How a drill is shown: to people, to programs, and to CI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any
from xml.etree import ElementTree

from .attack import Attack, Lacking, Tactic, Trial
from .drill import Outcome, Result

WORDS = {Outcome.LET_THROUGH: "LET THROUGH", Outcome.NOT_PROVEN: "not proven", Outcome.DOES_NOT_APPLY: "-"}


def as_text(results: Sequence[Result]) -> Iterator[str]:
    """A table, grouped by tactic: what refused each attack. Only what is not refused says more."""
    width = max((len(result.control) for result in results), default=0) + len("refused by ")
    for tactic, group in groupby(results, lambda result: result.tactic):
        yield f"{tactic.name} ({', '.join(tactic.techniques)})"
        for result in group:
            word = WORDS.get(result.outcome, f"refused by {result.control}")
            more = f": {result.message}" if result.outcome is Outcome.DOES_NOT_APPLY else ""
            yield f"  {word:{width}}  {result.attack.title}{more}"
            if result.outcome is Outcome.LET_THROUGH and result.trial:
                request = result.trial.request
                what = f"{request.method} {request.path} by {request.by.name}"
                yield f"  {'':{width}}    {' or '.join(result.attack.controls)} should refuse it; it was {what}"
            if result.outcome is Outcome.NOT_PROVEN:
                yield f"  {'':{width}}    {result.message}"
        yield ""
    yield summary(results)


def summary(results: Sequence[Result]) -> str:
    """`83 attacks: 83 refused`, and how many the stack has nothing for."""
    counts = {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    absent = counts.pop(Outcome.DOES_NOT_APPLY)
    parts = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items() if count)
    tried = sum(counts.values())
    return f"{tried} attack{'s' if tried != 1 else ''}: {parts or 'none was tried'}" + (f" ({absent} more do not apply)" if absent else "")


def as_list(trials: Sequence[tuple[Tactic, Attack, Trial | Lacking]]) -> Iterator[str]:
    """Every attack, who tries it, and what must refuse it."""
    for tactic, group in groupby(trials, lambda trial: trial[0]):
        yield f"{tactic.name} ({', '.join(tactic.techniques)})"
        for _, attack, trial in group:
            if isinstance(trial, Lacking):
                yield f"  {'-':22}  {attack.title}: {trial}"
            else:
                yield f"  {' or '.join(attack.controls):22}  {attack.title} [{trial.request.by.name}]"
        yield ""
    tried = sum(isinstance(trial, Trial) for _, _, trial in trials)
    yield f"{tried} attacks" + (f" ({len(trials) - tried} more do not apply)" if tried < len(trials) else "")


def list_json(trials: Sequence[tuple[Tactic, Attack, Trial | Lacking]]) -> str:
    """The same for programs."""
    listed = [
        _attack(tactic, attack)
        | ({"lacks": str(trial), "by": None} if isinstance(trial, Lacking) else {"lacks": None, "by": trial.request.by.name})
        for tactic, attack, trial in trials
    ]
    return json.dumps({"attacks": listed}, indent=2)


def as_json(stack: str, context: str, seconds: float, results: Sequence[Result]) -> str:
    """Everything for programs."""
    counts = {outcome.value: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    content = {
        "stack": stack,
        "context": context,
        "seconds": round(seconds, 2),
        "counts": counts,
        "attacks": [_result(it) for it in results],
    }
    return json.dumps(content, indent=2)


def as_junit(stack: str, seconds: float, results: Sequence[Result]) -> str:
    """JUnit XML: a suite for each tactic; let through is a failure, not proven an error, what does not apply is skipped."""
    root = ElementTree.Element("testsuites", name=f"factory drill {stack}", time=f"{seconds:.2f}")
    _count(root, results)
    for tactic, found in groupby(results, lambda result: result.tactic):
        group = list(found)
        suite = ElementTree.SubElement(root, "testsuite", name=tactic.name)
        _count(suite, group)
        for result in group:
            case = ElementTree.SubElement(suite, "testcase", classname=tactic.name, name=result.attack.title)
            if result.outcome is Outcome.LET_THROUGH:
                message = f"{result.attack.control} should refuse it, and nothing did"
                ElementTree.SubElement(case, "failure", message=message, type=result.outcome.value)
            elif result.outcome is Outcome.NOT_PROVEN:
                ElementTree.SubElement(case, "error", message=result.message, type=result.outcome.value)
            elif result.outcome is Outcome.DOES_NOT_APPLY:
                ElementTree.SubElement(case, "skipped", message=result.message)
            else:
                ElementTree.SubElement(case, "system-out").text = f"{result.control}: {result.message}"
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _count(element: ElementTree.Element, results: Sequence[Result]) -> None:
    kinds = {"failures": Outcome.LET_THROUGH, "errors": Outcome.NOT_PROVEN, "skipped": Outcome.DOES_NOT_APPLY}
    element.set("tests", str(len(results)))
    for name, outcome in kinds.items():
        element.set(name, str(sum(result.outcome is outcome for result in results)))


def _attack(tactic: Tactic, attack: Attack) -> dict[str, Any]:
    techniques = list(dict.fromkeys((*tactic.techniques, *attack.techniques)))
    return {"tactic": tactic.name, "title": attack.title, "techniques": techniques, "controls": list(attack.controls)}


def _result(result: Result) -> dict[str, Any]:
    request = result.trial.request if result.trial else None
    return _attack(result.tactic, result.attack) | {
        "outcome": result.outcome.value,
        "refusedBy": result.control or None,
        "message": result.message or None,
        "by": request.by.name if request else None,
        "request": f"{request.method} {request.path}" if request else None,
    }
