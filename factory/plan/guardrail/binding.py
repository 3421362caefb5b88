"""ZG11: roles inside segments are held by named groups and tools."""

from __future__ import annotations

from factory.plan import controls
from factory.spec import Factory

from .guardrail import Guardrail, Rule, Validation, granted, text


def binding(factory: Factory) -> Guardrail:
    """Even the deployer is held to it."""
    return Guardrail(
        "ZG11",
        "binding",
        "A RoleBinding in a segment names a Role of that segment and no built-in group, nor another segment's ServiceAccount.",
        (controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
        rules=(Rule("rbac.authorization.k8s.io", "v1", ("rolebindings",)),),
        variables={
            "subjects": "dyn(object).?subjects.orValue([])",
            "accounts": granted(text("accounts")),
        },
        validations=(
            Validation("object.roleRef.kind == 'Role'", "roleRef must name a Role of the segment, not a ClusterRole."),
            Validation(
                "variables.subjects.all(s, s.kind == 'ServiceAccount' || !s.name.startsWith('system:'))",
                "subjects must not be built-in groups or users (system:...).",
            ),
            Validation(
                "variables.subjects.all(s, s.kind != 'ServiceAccount' || s.namespace == request.namespace"
                " || s.namespace + '/' + s.name in variables.accounts)",
                "a ServiceAccount of another namespace must be one that the spec's access names for this segment.",
                "variables.accounts",
            ),
        ),
        granted=True,
    )
