"""ZG14: the deployer's hand reaches no further than its factory."""

from __future__ import annotations

from factory.plan import controls, names
from factory.spec import ClusterApiPool, Factory

from .boundary import boundary_rules
from .guardrail import Guardrail, Validation, text, texts


def deployer(factory: Factory) -> Guardrail:
    """RBAC cannot say "in namespaces that do not exist yet", so the deployer may write its kinds in all of them. This says where."""
    other = sorted({pool.namespace for pool in factory.pools if isinstance(pool, ClusterApiPool)})
    return Guardrail(
        "ZG14",
        "deployer",
        "The deployer writes in its factory's namespaces only.",
        (controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
        rules=boundary_rules(factory),
        conditions={"by-deployer": f"request.userInfo.username == {text(factory.deployer.user)}"},
        validations=(
            Validation(
                f"namespaceObject.metadata.?labels[?{text(names.FACTORY)}].orValue('') == {text(factory.name)}"
                f" || request.namespace in {texts(tuple(other))}",
                f"{factory.deployer.user} deploys factory {factory.name} and writes in no namespace but its segments.",
            ),
        ),
        where="Everywhere",
    )
