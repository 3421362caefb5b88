"""Issuers that a managed control plane refuses."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Distribution, Factory


@rule(
    "ZT613",
    "The control plane accepts the issuer",
    why="EKS, AKS and GKE reach issuers from their own network by certificates that everybody knows, and AKS takes no Entra ID as an "
    "external issuer, since it is built in: nobody could sign in.",
    fix="Give the issuer a public certificate and drop `certificateAuthority`; on AKS use another provider than EntraID, or leave "
    "`identity.people` out.",
    references=(controls.TENET_6, controls.AUTHORIZATION),
    waivable=False,
)
def find_refused_issuers(factory: Factory) -> Iterator[Problem]:
    distribution = factory.cluster.distribution
    for provider in factory.providers:
        path = f"identity.people.providers[{provider.name}]"
        if distribution in (Distribution.EKS, Distribution.AKS, Distribution.GKE) and provider.certificate_authority is not None:
            yield Problem(f"{path}.certificateAuthority", f"is taken by no {distribution}")
        if distribution is Distribution.AKS and provider.dialect == "EntraID":
            yield Problem(f"{path}.preset", "is no external issuer to AKS", provider.dialect)
