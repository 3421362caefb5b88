"""More providers than a control plane takes."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Distribution, Factory


@rule(
    "ZT610",
    "EKS and OpenShift have one provider",
    why="Their control planes take one OpenID Connect issuer: the second is refused when the cluster is already built around it.",
    fix="Put Keycloak in front of the others, as their broker, and keep that one.",
    references=(controls.TENET_6, controls.AUTHORIZATION),
    waivable=False,
)
def find_crowded_providers(factory: Factory) -> Iterator[Problem]:
    distribution = factory.cluster.distribution
    if distribution in (Distribution.EKS, Distribution.OPENSHIFT) and len(factory.providers) > 1:
        yield Problem("identity.people.providers", f"are {len(factory.providers)}, and {distribution} takes one", allowed="one")
