"""Keycloaks that cannot reach their database."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.plan.keycloak import WORKLOAD
from factory.plan.network import find_listener
from factory.rules.rule import Problem, rule
from factory.spec import Factory, KeycloakProvider


@rule(
    "ZT620",
    "A Keycloak reaches its database",
    why="Its segment lets nothing out that the spec does not name, so that it never starts, and nobody signs in.",
    fix="Add an `egress` of the workload `keycloak` to the database's address and port, or a flow to who runs it in the cluster.",
    references=(controls.TENET_2, controls.NETWORK),
    waivable=False,
)
def find_unreached_databases(factory: Factory) -> Iterator[Problem]:
    for provider in factory.providers:
        if isinstance(provider, KeycloakProvider) and (workload := factory.workload.get(f"{provider.segment}/{WORKLOAD}")):
            port = provider.database.port
            flows = [find_listener(factory, flow).port for flow in factory.flows if flow.source == workload.reference]
            if port not in (*flows, *(egress.port for egress in workload.egress)):
                yield Problem(
                    f"identity.people.providers[{provider.name}].database.host",
                    f"is where no egress and no flow of {workload.reference} leads, on port {port}",
                    provider.database.host,
                )
