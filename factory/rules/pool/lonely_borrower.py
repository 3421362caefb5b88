"""Queues that borrow from nobody."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT316",
    "A queue that borrows has a cohort",
    why="Kueue lends within a cohort only, and refuses a borrowing limit outside of one.",
    fix="Name the `cohort`, or remove `borrows`.",
    references=(controls.CIS_NAMESPACES,),
)
def find_lonely_borrowers(factory: Factory) -> Iterator[Problem]:
    for queue in factory.queues:
        for share in queue.shares:
            if share.borrows and queue.cohort is None:
                yield Problem(
                    f"queues[{queue.name}].shares[{share.pool}].borrows", "is set, while the queue is in no cohort", str(share.borrows)
                )
