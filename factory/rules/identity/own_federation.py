"""A factory that federates with itself."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT631",
    "A federation is with another trust domain",
    why="Whoever serves that endpoint could put a root of their own into our trust bundle, and be every workload. SPIRE refuses it.",
    fix="Name the other site's trust domain, or remove the federation.",
    references=(controls.TENET_6,),
    waivable=False,
)
def find_own_federations(factory: Factory) -> Iterator[Problem]:
    for federation in factory.workload_identity.spire.federations if factory.workload_identity else ():
        if federation.trust_domain == factory.trust_domain:
            path = f"identity.workloads.spire.federations[{federation.trust_domain}].trustDomain"
            yield Problem(path, "is the factory's own", federation.trust_domain)
