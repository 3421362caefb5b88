"""The example of each component's docstring is a program that runs."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from pulumi import ComponentResource
from pulumi_engine import Engine

import components


def _examples() -> dict[str, doctest.DocTest]:
    found = {}
    for name in components.__all__:
        value: Any = getattr(components, name)
        if isinstance(value, type) and (examples := doctest.DocTestParser().get_doctest(value.__doc__ or "", {}, name, None, 0)).examples:
            found[name] = examples
    return found


EXAMPLES = _examples()


def test_every_component_has_an_example() -> None:
    """Each works alone in a program of somebody's own, and says how."""
    values = {name: getattr(components, name) for name in components.__all__}
    assert EXAMPLES.keys() == {name for name, each in values.items() if isinstance(each, type) and issubclass(each, ComponentResource)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_registers_its_component_and_what_it_is_made_of(engine: Engine, name: str) -> None:
    """Run with a stand-in for the engine, it registers exactly one such component, with something below it."""
    program = "".join(example.source for example in EXAMPLES[name].examples)
    engine.run(lambda: exec(compile(program, name, "exec"), {}))
    (component,) = [urn for urn, each in engine.registered.items() if each.type == f"ai-factory:index:{name}"]
    assert any(each.parent == component for each in engine.registered.values())
