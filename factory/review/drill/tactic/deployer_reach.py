"""To reach out of the factory by its deployer."""

from __future__ import annotations

from factory.plan import names
from factory.review.drill.attack import Attack, Tactic, Trial, create, delete, patch, thing
from factory.review.drill.ground import ELSEWHERE, NAME, TOUCH, Ground

POLICY = "networking.k8s.io/v1/NetworkPolicy"


def _policy(ground: Ground) -> Trial:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
    return Trial(*(create(ground.deployer, thing(POLICY, NAME, namespace, spec=spec)) for namespace in (ELSEWHERE, ground.home)))


def _taken(ground: Ground) -> Trial:
    change = {"metadata": {"labels": {names.FACTORY: ground.factory.name}}}
    own = ground.planned("Namespace", name=ground.home)
    return Trial(patch(ground.deployer, thing("v1/Namespace", ELSEWHERE), change), patch(ground.deployer, own, TOUCH))


def _deleted(ground: Ground) -> Trial:
    # Kubernetes itself refuses to delete the other namespaces that every cluster has.
    own = ground.planned("Namespace", name=ground.home)
    return Trial(delete(ground.deployer, thing("v1/Namespace", "kube-node-lease")), delete(ground.deployer, own))


def _priority(ground: Ground) -> Trial:
    unlabelled = thing("scheduling.k8s.io/v1/PriorityClass", NAME, value=1_000_000)
    labelled = {**unlabelled, "metadata": {"name": NAME, "labels": {names.FACTORY: ground.factory.name}}}
    return Trial(create(ground.deployer, unlabelled), create(ground.deployer, labelled))


TACTIC = Tactic(
    "deployer reach",
    ("T1078",),
    (
        Attack("the deployer writes a policy in somebody's namespace", "ZG14", _policy),
        Attack("the deployer takes somebody's namespace over", "ZG14", _taken),
        Attack("the deployer deletes somebody's namespace", "ZG14", _deleted, ("T1485",)),
        Attack("the deployer makes a priority that is not the factory's", "ZG14", _priority),
    ),
)
