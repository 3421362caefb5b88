"""Deployers that may do everything."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

_ADMINISTRATORS = frozenset(
    {
        "admin",
        "administrator",
        "cluster-admin",
        "kube-admin",
        "kubeadmin",
        "kubernetes-admin",
        "kubernetes-super-admin",
        "masterclient",
        "root",
    }
)


@rule(
    "ZT411",
    "The deployer is an identity of its own",
    why="Administrators pass by every policy, and everybody borrows their name. The deployer has a ClusterRole of exactly what the plan "
    "needs.",
    fix="Name a user that is only for this, such as `factory-deployer`.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
    waivable=False,
)
def find_powerful_deployers(factory: Factory) -> Iterator[Problem]:
    user = factory.deployer.user
    if user.startswith("system:serviceaccount:"):
        if user.endswith(":default"):
            yield Problem("deployer.user", "is a default ServiceAccount, which every pod of its namespace has", user)
    elif user.startswith("system:") or user.lower() in _ADMINISTRATORS:
        yield Problem("deployer.user", "is an administrator of the cluster", user)
