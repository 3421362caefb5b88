"""Providers that are called like Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

RESERVED = ("aks", "eks", "gke", "kube", "kubernetes", "node", "openshift", "system")
"""`system:` is Kubernetes' own; the others are what distributions and readers of an audit log take for the cluster itself."""


@rule(
    "ZT601",
    "A provider is not called like a part of Kubernetes",
    why="User and group names begin with the provider's name: one called `system` could name `system:masters`, which is above every check.",
    fix="Name the provider after the people that it vouches for, such as `staff`.",
    references=(controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_reserved_providers(factory: Factory) -> Iterator[Problem]:
    for provider in factory.providers:
        if provider.name in RESERVED:
            yield Problem(f"identity.people.providers[{provider.name}].name", "is what Kubernetes calls its own users", provider.name)
