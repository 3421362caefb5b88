"""Members of OpenBao that cannot talk."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.plan.vault import PORT, RAFT, WORKLOAD
from factory.rules.rule import Problem, rule
from factory.spec import Factory, OpenBao


@rule(
    "ZT724",
    "The members of OpenBao reach each other",
    why="Nothing talks unless a flow says so: members that cannot reach each other never become one raft: all but the first stay sealed.",
    fix="Add flows from the workload `openbao` to itself, on `https` and on `raft`.",
    references=(controls.TENET_2, controls.NETWORK),
    waivable=False,
)
def find_divided_vaults(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    reference = f"{vault.segment}/{WORKLOAD}"
    flows = {flow.port for flow in factory.flows if flow.source == flow.to == reference}
    if vault.replicas > 1 and (missing := [port for port in (PORT, RAFT) if port not in flows]):
        yield Problem("keys.vault.replicas", f"do not reach each other: no flow leads from {reference} to itself on {listed(missing)}")
