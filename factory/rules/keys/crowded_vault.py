"""Neighbours of OpenBao."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.plan.vault import WORKLOAD
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory, OpenBao


@rule(
    "ZT729",
    "OpenBao has a segment to itself",
    why="Whoever may change pods in its segment can start one as OpenBao, with its volumes and what opens its seal.",
    fix="Move the other workloads to a segment of their own.",
    references=(controls.TENET_1, controls.CIS_NAMESPACES),
    severity=WARNED,
)
def find_crowded_vaults(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    others = sorted(workload.name for workload in factory.workloads if workload.segment == vault.segment and workload.name != WORKLOAD)
    if others:
        yield Problem("keys.vault.segment", f"is also that of {listed(others)}", vault.segment)
