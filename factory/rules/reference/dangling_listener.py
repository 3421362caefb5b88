"""References to listeners."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import did_you_mean, listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT014",
    "A flow leads to a listener",
    why="A flow to a port that nobody serves is a hole that waits for its user.",
    fix="Add the listener to the destination's `listens`, or name one that it has.",
    references=(controls.TENET_2, controls.NETWORK),
    waivable=False,
)
def find_dangling_listeners(factory: Factory) -> Iterator[Problem]:
    for flow in factory.flows:
        destination = factory.workload.get(flow.to) or factory.peer.get(flow.to)
        if destination is None:
            continue
        names = [listener.name for listener in destination.listens]
        if flow.port not in names:
            problem = "is not a listener of its destination" if names else "leads to what does not listen at all"
            yield Problem(f"flows[{flow.reference}].port", problem, flow.port, listed(names), did_you_mean(flow.port, names) or None)
