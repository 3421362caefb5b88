"""Keycloaks that nothing runs."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, KeycloakProvider, Stage

WORKLOAD, PORT = "keycloak", "https"


@rule(
    "ZT611",
    "A Keycloak runs as a workload of a Platform segment",
    why="It can sign anybody in as anybody: it shares no segment with what it lets people into, and nothing reaches it but by a flow.",
    fix="Declare the workload `keycloak`, listening on `https`, in a segment of stage Platform.",
    references=(controls.TENET_1, controls.TENET_3, controls.NETWORK, controls.CIS_NAMESPACES),
    waivable=False,
)
def find_unserved_providers(factory: Factory) -> Iterator[Problem]:
    for provider in factory.providers:
        if isinstance(provider, KeycloakProvider):
            path, workload = f"identity.people.providers[{provider.name}].segment", factory.workload.get(f"{provider.segment}/{WORKLOAD}")
            stage = factory.segment[provider.segment].stage
            if stage is not Stage.PLATFORM:
                yield Problem(path, f"is of stage {stage}", provider.segment, "a segment of stage Platform")
            elif workload is None:
                yield Problem(path, f"has no workload {WORKLOAD}", provider.segment)
            elif PORT not in (listener.name for listener in workload.listens):
                yield Problem(path, f"has a workload {WORKLOAD} that does not listen on {PORT}", provider.segment)
