"""ZG08: a namespace is a segment because the deployer says so."""

from __future__ import annotations

from factory.plan import controls, names
from factory.spec import Factory

from .guardrail import Guardrail, Rule, Validation, text


def namespace(factory: Factory) -> Guardrail:
    """It looks at the label before and after: a policy bound by label alone would not see the request that takes the label away.

    Status and finalize requests may change labels too, so they are looked at as well.
    """
    return Guardrail(
        "ZG08",
        "namespace",
        "Only the deployer creates, labels and deletes the factory's namespaces.",
        (controls.TENET_4, controls.PODS, controls.CIS_NAMESPACES),
        rules=(
            Rule("", "v1", ("namespaces", "namespaces/finalize", "namespaces/status"), ("CREATE", "UPDATE", "DELETE"), scope="Cluster"),
        ),
        conditions={
            "of-factory": "[object, oldObject].exists(n, n != null"
            f" && dyn(n).metadata.?labels[?{text(names.FACTORY)}].orValue('') == {text(factory.name)})"
        },
        validations=(
            Validation(
                f"request.userInfo.username == {text(factory.deployer.user)}"
                " || (request.operation == 'UPDATE' && object.metadata.?labels == oldObject.metadata.?labels)",
                f"only the deployer, {factory.deployer.user}, creates, labels or deletes namespaces of factory {factory.name}.",
            ),
        ),
        where="Everywhere",
    )
