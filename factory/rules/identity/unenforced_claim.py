"""Claims that a managed control plane does not look at."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Distribution, Factory

AGES = ("tokenAge", "sessionAge")
"""Set at the provider too, for its client: what the control plane does not look at is still so."""


@rule(
    "ZT609",
    "What a contract asks for, the control plane can check",
    why="EKS and OpenShift compare a claim with one text, and nothing else: any other demand is prose there, and whoever fails it is let "
    "in.",
    fix='Let the provider emit a flat claim, such as `mfa: "true"`, and name it with that one value; or use a control plane of your own.',
    references=(controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unenforced_claims(factory: Factory) -> Iterator[Problem]:
    if not factory.providers or factory.cluster.distribution is Distribution.SELF_MANAGED:
        return
    from factory.plan.distribution import unenforced  # most specs have no providers, and need not wait for it

    for provider in factory.providers:
        for demand in unenforced(factory, provider):
            if demand.field is not None and demand.field not in AGES:
                path = f"identity.people.providers[{provider.name}].contract.{demand.field}"
                yield Problem(path, f"cannot be checked by {factory.cluster.distribution}: {demand.message}")
