"""People who agree with themselves."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT421",
    "Nobody agrees to a grant of their own",
    why="Consent is worth something where it is somebody else's.",
    fix="Let somebody of the approvers agree, and name them.",
    references=(controls.TENET_3, controls.AUTHORIZATION),
    waivable=False,
)
def find_own_approvals(factory: Factory) -> Iterator[Problem]:
    for grant in factory.grants:
        if grant.approver == grant.user:
            yield Problem(f"grants[{grant.reference}].approver", "is the person who holds it", grant.approver)
