"""What keeps the API server reading grants when a factory is removed and built again."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls, names
from factory.plan.body import body
from factory.plan.manifest import Because, Component, Manifest
from factory.spec import Factory

from .guardrail import Guardrail, Rule, Validation


def anchor_name(factory: str) -> str:
    """Name of both."""
    return names.cluster_wide(factory, "grants-anchor")


def plan_anchor(factory: Factory) -> Iterator[Manifest]:
    """A policy with grants for parameters that matches no request, and its binding, which stay when the factory goes.

    Without the last binding that names a kind of parameter the API server stops watching that kind, and for kinds of its own never starts
    again until it is restarted: guardrails would go on with the grants of the factory that is gone (kubernetes/kubernetes issue 130887,
    seen in 1.36.3).
    """
    because = Because("segments", "the API server must never stop reading grants", (controls.TENET_4, controls.TENET_6))
    component, name = Component("AiFactory", factory.name), anchor_name(factory.name)
    anchor = Guardrail(
        "ZG00",
        "anchor",
        because.reason,
        because.controls,
        rules=(Rule(names.DOMAIN, "v1", ("nothing",)),),
        validations=(Validation("true", "nothing is refused by this."),),
        granted=True,
        where="Everywhere",
    )
    for key, kind, spec in (("", "", anchor.policy()), ("-binding", "Binding", anchor.binding(factory.name, name))):
        content = body(
            "admissionregistration.k8s.io/v1", f"ValidatingAdmissionPolicy{kind}", name, because, factory=factory.name, spec=spec
        )
        after = (f"{component}/grants-anchor",) if key else ()
        yield Manifest(component, f"grants-anchor{key}", content, because, after)
