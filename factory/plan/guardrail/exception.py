"""ZG21: nobody loosens what is verified by Kyverno, and nothing is excepted from it."""

from __future__ import annotations

from factory.plan import controls, names
from factory.spec import Factory

from .boundary import ALL
from .guardrail import Guardrail, Rule, Validation, text


def exception(factory: Factory) -> Guardrail:
    """Kyverno's policies are objects like any other, so that unlike ZG15 an ordinary policy can guard them. An exception, which Kyverno
    heeds where its flag `--enablePolicyException` is set, may be in any namespace and names the policies that it is from."""
    ours = text(f"{factory.name}-zg")
    return Guardrail(
        "ZG21",
        "exception",
        "Only the deployer changes what Kyverno verifies for the factory, and nothing is excepted from it.",
        (controls.TENET_4, controls.TENET_6, controls.SUPPLY_CHAIN),
        rules=(
            Rule("policies.kyverno.io", "v1", ("imagevalidatingpolicies",), ALL, scope="Cluster"),
            Rule("policies.kyverno.io", "v1", ("policyexceptions",)),
        ),
        conditions={
            "of-factory": "request.resource.resource == 'policyexceptions' || [object, oldObject].exists(o, o != null"
            f" && (dyn(o).metadata.?labels[?{text(names.FACTORY)}].orValue('') == {text(factory.name)}"
            f" || dyn(o).metadata.name.startsWith({ours})))"
        },
        validations=(
            Validation(
                f"request.resource.resource == 'policyexceptions' || request.userInfo.username == {text(factory.deployer.user)}",
                f"only the deployer, {factory.deployer.user}, changes this: change the spec and deploy it.",
            ),
            Validation(
                "request.resource.resource != 'policyexceptions'"
                f" || !dyn(object).spec.?policyRefs.orValue([]).exists(p, p.?name.orValue('').startsWith({ours}))",
                f"nothing is excepted from the policies of factory {factory.name}.",
            ),
        ),
        where="Everywhere",
    )
