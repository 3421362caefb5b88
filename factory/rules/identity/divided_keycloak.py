"""Keycloaks of which two providers say different things."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.plan.keycloak import WORKLOAD, host_url
from factory.rules.rule import Problem, rule
from factory.spec import Factory, KeycloakProvider


@rule(
    "ZT621",
    "What the providers of one Keycloak say of it is the same",
    why="A segment has one Keycloak, with a realm for each provider that lives there. Tokens bear the host that it knows itself by and the "
    "realm's name: with any other issuer the API server refuses them all.",
    fix="Give the providers of one segment one host, image, database and certificate, and each an issuer that ends in /realms/ and a name.",
    references=(controls.TENET_6, controls.AUTHORIZATION),
    waivable=False,
)
def find_divided_keycloaks(factory: Factory) -> Iterator[Problem]:
    firsts: dict[str, KeycloakProvider] = {}
    for provider in factory.providers:
        if not isinstance(provider, KeycloakProvider):
            continue
        path, first = f"identity.people.providers[{provider.name}]", firsts.setdefault(provider.segment, provider)
        workload = factory.workload.get(f"{provider.segment}/{WORKLOAD}")
        if not host_url(provider) or "/" in provider.issuer.rpartition("/realms/")[2]:
            yield Problem(f"{path}.issuer", "is no realm's", provider.issuer, "https://HOST/realms/NAME")
        elif host_url(first) and host_url(provider) != host_url(first):
            yield Problem(f"{path}.issuer", f"is of another host than {first.name}'s", provider.issuer, f"{host_url(first)}/realms/NAME")
        if provider.image != first.image:
            yield Problem(f"{path}.image", f"is another than {first.name}'s", provider.image, first.image)
        elif workload is not None and workload.images and provider.image not in workload.images:
            yield Problem(f"{path}.image", f"is none that {workload.reference} may run", provider.image, listed(workload.images))
        if provider.certificate != first.certificate:
            yield Problem(f"{path}.certificate", f"is another than {first.name}'s", provider.certificate, first.certificate)
        if provider.database != first.database:
            yield Problem(f"{path}.database", f"is another than {first.name}'s", allowed=f"the same as {first.name}'s")
