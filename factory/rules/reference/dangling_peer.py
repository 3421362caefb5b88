"""References to peers."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .dangling import dangling


@rule(
    "ZT013",
    "A peer that a flow names exists",
    why="A flow with an end that does not exist opens nothing today, and something unreviewed on the day when that end appears.",
    fix='Declare the peer, or write a workload as "segment/workload".',
    references=(controls.TENET_1, controls.NETWORK),
    waivable=False,
)
def find_dangling_peers(factory: Factory) -> Iterator[Problem]:
    known = factory.peer
    for flow in factory.flows:
        for end, name in (("from", flow.source), ("to", flow.to)):
            if "/" not in name and name not in known:
                problem = dangling(f"flows[{flow.reference}].{end}", "peers", name, known)
                meant = min((reference for reference in factory.workload if reference.endswith(f"/{name}")), default=None)
                yield problem._replace(fix=f'Did you mean "{meant}"?') if meant else problem
