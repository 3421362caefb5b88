"""Roots that no segment hears of."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT708",
    "A root's certificate is in the spec",
    why="Without it segments get no trust bundle, and workloads must learn from somewhere else whom to believe.",
    fix="Bring up the stack of the root (`stacks/root`), and copy its output `certificates` to `keys.root.certificate`. It is public.",
    references=(controls.TENET_2,),
    severity=WARNED,
)
def find_unnamed_roots(factory: Factory) -> Iterator[Problem]:
    if factory.keys is not None and factory.keys.root.certificate is None:
        following = factory.keys.root.next is not None
        yield Problem(
            "keys.root.certificate", "is missing, though `next` is there" if following else "is missing: segments get no trust bundle"
        )
