"""ZG16: what people do at their own hand asks for a stronger sign-in than looking around."""

from __future__ import annotations

from factory.plan import controls, names
from factory.plan.people import prefixes
from factory.spec import Factory, Strength

from .guardrail import Guardrail, Rule, Validation, text, texts


def step_up(factory: Factory) -> Guardrail:
    """People are told by the prefix of their provider, which nobody else's name can have; the API server writes down how they signed in.

    Reading a Secret is not seen by admission: no role may. Taking a grant back is never made harder.
    """
    people = tuple(sorted(prefixes(factory, provider)[0] for provider in factory.providers))
    strong = factory.step_up is Strength.PHISHING_RESISTANT
    accepted = (names.PHISHING_RESISTANT,) if strong else (names.SECOND_FACTOR, names.PHISHING_RESISTANT)
    return Guardrail(
        "ZG16",
        "step-up",
        f"People who enter a pod, change a Secret or give somebody a role have signed in with proof of {factory.step_up}.",
        (controls.TENET_3, controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION),
        rules=(
            Rule("", "v1", ("pods/attach", "pods/exec", "pods/portforward"), ("CONNECT",)),
            Rule("", "v1", ("pods/ephemeralcontainers",)),
            Rule("", "v1", ("secrets",), ("CREATE", "UPDATE", "DELETE")),
            Rule("rbac.authorization.k8s.io", "v1", ("rolebindings",)),
        ),
        conditions={
            "by-a-person": f"{texts(people)}.exists(p, request.userInfo.username.startsWith(p))"
            f" && request.userInfo.username != {text(factory.deployer.user)}"
        },
        validations=(
            Validation(
                f"request.userInfo.?extra[?{text(names.ACR)}].orValue([]).exists(a, a in {texts(accepted)})",
                f"sign in again with proof of {factory.step_up} (acr {' or '.join(accepted)}), and repeat.",
            ),
        ),
    )
