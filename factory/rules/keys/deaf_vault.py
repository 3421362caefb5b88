"""OpenBao that cannot ask whose token it is shown."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.vault import WORKLOAD
from factory.rules.rule import Problem, rule
from factory.spec import Factory, OpenBao


@rule(
    "ZT725",
    "OpenBao reaches the API server",
    why="It asks the API server whose token it is shown (TokenReview). Its segment lets nothing out that the spec does not name, so that "
    "without that way every workload is refused.",
    fix="Add an `egress` of the workload `openbao` to the address of the API server, or a flow to a peer that stands for it.",
    references=(controls.TENET_6, controls.NETWORK),
    waivable=False,
)
def find_deaf_vaults(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    workload = factory.workload.get(f"{vault.segment}/{WORKLOAD}")
    if workload and not workload.egress and not any(f.source == workload.reference != f.to for f in factory.flows):
        yield Problem("keys.vault.segment", f"lets {workload.reference} reach nothing, and so no API server", vault.segment)
