"""What holds for the rules over any factory that can be read."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from specs import Data, factories, read, shuffled, specs

from factory.plan import plan_factory
from factory.rules import check, find_dangling
from factory.spec import Factory

from .example import TODAY


@settings(max_examples=15, deadline=None)
@given(factories())
def test_one_finding_a_rule_and_path(factory: Factory) -> None:
    """A waiver names one finding: no rule finds two things at one path."""
    found = [(finding.id, finding.path) for finding in check(factory, TODAY)]
    assert len(found) == len(set(found))


@settings(max_examples=15, deadline=None)
@given(st.data(), specs())
def test_order_of_lists_changes_no_finding(data: Any, spec: Data) -> None:
    """A spec that was only sorted needs no new waivers."""
    assert check(read(data.draw(shuffled(spec))), TODAY) == check(read(spec), TODAY)


@settings(max_examples=15, deadline=None)
@given(st.data(), specs())
def test_what_does_not_dangle_can_be_planned(data: Any, spec: Data) -> None:
    """Whatever is left out of a spec, the reference rules find what is missing before the plan would stumble over it, and never crash."""
    collection = data.draw(st.sampled_from(["segments", "datasets", "models", "workloads", "peers", "pools"]))
    if len(spec[collection]) > (collection == "segments"):
        spec[collection].pop(data.draw(st.integers(0, len(spec[collection]) - 1)))
    factory = read(spec)
    if not find_dangling(factory):
        check(factory, TODAY)
        plan_factory(factory)


@settings(max_examples=15, deadline=None)
@given(st.data(), specs())
def test_dropped_things_are_never_missed(data: Any, spec: Data) -> None:
    """A part that was dropped for its own error causes no second finding, whoever refers to it."""
    collection = data.draw(st.sampled_from(["datasets", "models", "workloads", "peers", "pools"]))
    if spec[collection]:
        gone = spec[collection].pop(data.draw(st.integers(0, len(spec[collection]) - 1)))
        name = f"{gone['segment']}/{gone['name']}" if collection == "workloads" else gone["name"]
        assert find_dangling(read(spec), {(collection, name)}) == ()
