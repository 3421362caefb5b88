"""Roles where they have no business."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.plan.catalogue import stages
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT415",
    "A role is held in the stages that it is for",
    why="Who looks after data has no business beside a served model, and experiments are not run where data comes in: each would open the "
    "other stage to the same stolen laptop.",
    fix="Choose a role that fits the stage, or declare one of your own.",
    references=(controls.TENET_3, controls.CIS_RBAC, controls.CIS_NAMESPACES),
)
def find_misplaced_roles(factory: Factory) -> Iterator[Problem]:
    held = [
        *((f"access[{access.reference}]", access.role, access.segments) for access in factory.access),
        *((f"eligibility[{eligibility.reference}]", eligibility.role, eligibility.segments) for eligibility in factory.eligibility),
        *((f"grants[{grant.reference}]", grant.role, (grant.segment,)) for grant in factory.grants),
    ]
    for path, role, segments in held:
        allowed = stages(factory, role)
        if wrong := [name for name in segments if factory.segment[name].stage not in allowed]:
            yield Problem(f"{path}.role", f"is not for {listed(wrong)}", role, f"segments of stage {listed(allowed)}")
