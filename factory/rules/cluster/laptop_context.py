"""Production on a laptop."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

_LAPTOPS = ("kind-", "minikube", "k3d-", "docker-desktop", "rancher-desktop", "colima", "orbstack", "microk8s", "lab")


@rule(
    "ZT512",
    "Production is not deployed through a laptop's context",
    why="A context of kind, minikube or a lab is a cluster that is gone tomorrow. In a Production file it is a copy that was not finished.",
    fix="Name the context of the Production cluster, or use `posture: Development`.",
    references=(controls.TENET_1,),
)
def find_laptop_contexts(factory: Factory) -> Iterator[Problem]:
    if factory.production and factory.cluster.context.startswith(_LAPTOPS):
        yield Problem("cluster.context", "is that of a laptop's cluster", factory.cluster.context)
