"""Roots below which not all the authorities may stand that must."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.trust import intermediates
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .roots import certificates, path_length


@rule(
    "ZT705",
    "A root may have as many authorities below it as there are",
    why="A chain that is longer than the root allows is refused everywhere: no workload would be believed by any other.",
    fix="Have a root made with a longer path length, or without one: SPIRE needs two below it, its intermediate and its server's.",
    references=(controls.TENET_2,),
    waivable=False,
)
def find_short_paths(factory: Factory) -> Iterator[Problem]:
    for path, certificate in certificates(factory):
        longest, wanted = path_length(certificate), 1 + max(intermediate.path_length for intermediate in intermediates(factory))
        if longest is not None and longest < wanted:
            yield Problem(path, f"allows {longest} authorities below it", allowed=f"{wanted} or more, or any number")
