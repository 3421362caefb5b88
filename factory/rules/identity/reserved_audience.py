"""Audiences with which a projected token would open the API server."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

RESERVED = re.compile(
    r"(https://)?kubernetes(\.default(\.svc(\..+)?)?)?/?"
    r"|api|k3s|rke2"
    r"|https://container\.googleapis\.com/.*"
    r"|https://[a-z0-9.-]+\.(azmk8s\.io|eks\.amazonaws\.com)(/.*)?"
    r"|https://oidc\.eks\..*",
    re.IGNORECASE,
)
"""What API servers take for themselves: `--api-audiences` defaults to `--service-account-issuer`, and distributions choose that one
(kubeadm, kops and EKS the Service's name, k3s and RKE2 their own as well, GKE and AKS their endpoint)."""


@rule(
    "ZT633",
    "No audience is the API server's",
    why="A projected token for the API server is what automount would have given: with it a stolen pod talks to the API server.",
    fix="Name the service that takes the token, such as `vault`, and configure it to demand that audience.",
    references=(controls.TENET_6, controls.CIS_RBAC),
    waivable=False,
)
def find_reserved_audiences(factory: Factory) -> Iterator[Problem]:
    for audience in factory.workload_identity.audiences if factory.workload_identity else ():
        if RESERVED.fullmatch(audience):
            yield Problem(f"identity.workloads.audiences[{audience}]", "is what API servers call themselves", audience)
