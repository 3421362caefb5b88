"""Bundle endpoints for which a third party vouches."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT632",
    "A federated trust domain vouches for its own bundle endpoint",
    why="An endpoint with the SPIFFE ID of a third trust domain lets that one replace the other site's roots.",
    fix="Name the SPIFFE ID of that site's own SPIRE server, or leave it out where the endpoint has a web certificate.",
    references=(controls.TENET_2, controls.TENET_6),
)
def find_foreign_endpoints(factory: Factory) -> Iterator[Problem]:
    for federation in factory.workload_identity.spire.federations if factory.workload_identity else ():
        own = f"spiffe://{federation.trust_domain}/"
        if federation.spiffe_id is not None and not federation.spiffe_id.startswith(own):
            path = f"identity.workloads.spire.federations[{federation.trust_domain}].spiffeId"
            yield Problem(path, "is of another trust domain", federation.spiffe_id, f"{own}…")
