"""Whatever a spec holds, in every concept: it is refused with findings, or it can be planned."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from specs import Data, specs

from factory.errors import Severity, SpecError
from factory.load import load_object
from factory.plan import plan_factory
from factory.rules import check

JUNK: tuple[Any, ...] = (None, True, -1, 2**63, 1.5, "", "x", "a/b", "CHANGEME", "é" * 300, [], [None], [[]], {}, {"": 1}, {"name": "a"})


@st.composite
def damaged(draw: DrawFn) -> Data:
    """A spec in which one to three parts, at any depth, are replaced, removed, doubled or called otherwise."""
    data = copy.deepcopy(draw(specs()))
    for _ in range(draw(st.integers(1, 3))):
        _damage(draw, data)
    return data


def _damage(draw: DrawFn, data: Data) -> None:
    here: Any = data
    while True:
        key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        if isinstance(here[key], dict | list) and here[key] and draw(st.integers(0, 3)):
            here = here[key]
        else:
            break
    how = draw(st.sampled_from(["replace", "remove", "double", "rename"]))
    if how == "replace":
        here[key] = draw(st.sampled_from(JUNK))
    elif how == "remove":
        del here[key]
    elif isinstance(here, list):
        here.append(here[key])
    elif how == "rename":
        here[f"{key}s"] = here.pop(key)
    if not data:
        data["name"] = "f"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(damaged())
def test_a_damaged_spec_is_refused_or_planned(data: Data) -> None:
    """Nothing but findings comes out of the loader and the rules; what no rule refuses has a plan."""
    try:
        factory = load_object(data)
    except SpecError as refused:
        assert refused.findings
        assert all(finding.path and finding.problem and finding.fix for finding in refused.findings)
        return
    if not any(finding.severity is Severity.ERROR for finding in check(factory, date(2026, 11, 24))):
        assert plan_factory(factory).manifests
