"""ZG05: nobody enters a running pod unless a role says so."""

from __future__ import annotations

from factory.plan import controls
from factory.spec import Factory, Session

from .guardrail import Guardrail, Rule, Validation, granted, text

OPENS = {
    "exec": Session.EXEC,
    "attach": Session.ATTACH,
    "portforward": Session.PORT_FORWARD,
    "ephemeralcontainers": Session.EPHEMERAL_CONTAINER,
}
"""The session that each subresource of a pod opens. `proxy` opens none: it is refused to everybody."""


def session(factory: Factory) -> Guardrail:
    """Holders are groups, or ServiceAccounts by user name, which no other user may have."""
    subresources = ", ".join(f"{text(subresource)}: {text(session.value)}" for subresource, session in OPENS.items())
    return Guardrail(
        "ZG05",
        "session",
        "Nobody opens a session in a running pod unless their role in that segment says so.",
        (controls.TENET_3, controls.TENET_6, controls.AUTHORIZATION),
        rules=(
            Rule("", "v1", ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"), ("CONNECT",)),
            Rule("", "v1", ("pods/ephemeralcontainers",)),
        ),
        variables={
            "session": f"{{{subresources}}}[?request.subResource].orValue('Proxy')",
            "holders": granted("'sessions.' + variables.session"),
        },
        validations=(
            Validation(
                "variables.holders.exists(h, h in request.userInfo.?groups.orValue([])"
                " || (h.startsWith('system:serviceaccount:') && h == request.userInfo.username))",
                "no role of yours opens this kind of session in this segment; a role with it must be granted by the spec.",
                "variables.holders",
            ),
        ),
        granted=True,
    )
