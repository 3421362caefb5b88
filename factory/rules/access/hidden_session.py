"""Sessions given as permissions."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, Session

_SESSIONS = {
    "pods/exec": Session.EXEC,
    "pods/attach": Session.ATTACH,
    "pods/portforward": Session.PORT_FORWARD,
    "pods/ephemeralcontainers": Session.EPHEMERAL_CONTAINER,
}


@rule(
    "ZT407",
    "A way into running pods is a session",
    why="Guardrails refuse exec, attach, port-forward and ephemeral containers unless a role's `sessions` open them: a permission alone "
    "reads like access and is none, and hides what it is for.",
    fix="Name it in the role's `sessions`, and remove the permission.",
    references=(controls.TENET_3, controls.PODS, controls.CIS_RBAC),
    waivable=False,
)
def find_hidden_sessions(factory: Factory) -> Iterator[Problem]:
    for role in factory.roles:
        for position, permission in enumerate(role.permissions):
            for resource in permission.resources:
                if resource in _SESSIONS:
                    path = f"roles[{role.name}].permissions[{position}].resources[{resource}]"
                    yield Problem(path, "is a way into a running pod", fix=f"Write `sessions: [{_SESSIONS[resource]}]` instead.")
