"""ZG10: roles inside segments stay small."""

from __future__ import annotations

from factory.plan import controls, names
from factory.spec import Factory

from .guardrail import Guardrail, Rule, Validation, text


def role(factory: Factory) -> Guardrail:
    """Even the deployer is held to it. That a role opens a session is not repeated here: ZG05 asks for it at every session.

    Who asks for a role, or agrees that somebody holds it, must by RBAC be able to bind it, that one: `operator:ask` may bind `operator`.
    What they may then bind, ZG17 says.
    """
    return Guardrail(
        "ZG10",
        "role",
        "A Role in a segment has no wildcard, and no permission to become somebody else.",
        (controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
        rules=(Rule("rbac.authorization.k8s.io", "v1", ("roles",)),),
        variables={
            "rules": "dyn(object).rules == null ? [] : dyn(object).rules",
            "asks": f"object.metadata.name.matches({text(f'^[^:]+:({names.ASK}|{names.APPROVE})$')})",
            "role": "object.metadata.name.split(':')[0]",
        },
        validations=(
            Validation(
                "variables.rules.all(r, (r.verbs + r.?apiGroups.orValue([]) + r.?resources.orValue([])).all(w, !w.contains('*')))",
                "name every verb, API group and resource: a Role in a segment has no wildcard.",
            ),
            Validation(
                "variables.rules.all(r, variables.asks && r.verbs == ['bind'] && r.?resources.orValue([]) == ['roles']"
                " && r.?resourceNames.orValue([]) == [variables.role]"
                " || r.verbs.all(v, !(v in ['bind', 'escalate']) && !v.startsWith('impersonate')))",
                "the verbs bind, escalate and impersonate let their holder become somebody else: leave them out.",
            ),
            Validation(
                "variables.rules.all(r, !('serviceaccounts/token' in r.?resources.orValue([])))",
                "serviceaccounts/token lets its holder become a workload: leave it out.",
            ),
        ),
    )
