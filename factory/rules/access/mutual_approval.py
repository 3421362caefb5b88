"""Groups that agree among themselves."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory


@rule(
    "ZT418",
    "Who agrees is of another group than who asks",
    why="Two of one group who agree to each other's grants are two signatures of one opinion, and one compromised team is enough.",
    fix="Name another group in `approvers`.",
    references=(controls.TENET_3, controls.AUTHORIZATION),
    severity=WARNED,
)
def find_mutual_approvals(factory: Factory) -> Iterator[Problem]:
    for eligibility in factory.eligibility:
        if eligibility.approvers == eligibility.group:
            path = f"eligibility[{eligibility.reference}].approvers"
            yield Problem(path, "is the group that asks", eligibility.approvers)
