"""Container images that a spec names, and their references taken apart."""

from __future__ import annotations

from collections.abc import Iterator

from factory.spec import DistributionRegistry, Factory, KeycloakProvider, OpenBao


def images(factory: Factory) -> Iterator[tuple[str, str]]:
    """Path and reference of each image."""
    for workload in factory.workloads:
        for image in workload.images:
            yield f"workloads[{workload.reference}].images[{image}]", image
    for provider in factory.providers:
        if isinstance(provider, KeycloakProvider):
            yield f"identity.people.providers[{provider.name}].image", provider.image
    if factory.keys and isinstance(factory.keys.vault, OpenBao):
        yield "keys.vault.image", factory.keys.vault.image
    if isinstance(factory.registry, DistributionRegistry):
        yield "registry.image", factory.registry.image


def tag_of(image: str) -> str | None:
    """The tag: `1.2` of `registry.helix.example/apps/server:1.2@sha256:…`, None where there is none."""
    _, colon, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return tag if colon else None
