"""To change models in the registry past the door where certificates are asked for."""

from __future__ import annotations

from factory.plan.registry import CLAIM, READ, WRITE, find_registry
from factory.review.drill.attack import Attack, Lacking, Tactic, Trial
from factory.review.drill.ground import Ground
from factory.spec import Workload


def _door(ground: Ground, door: str) -> Workload:
    registry = find_registry(ground.factory)
    if registry is None:
        raise Lacking("the factory runs no registry of models")
    return ground.factory.workload[f"{registry.segment}/{door}"]


def _mount(ground: Ground, workload: Workload, **how: bool) -> Trial:
    registry = find_registry(ground.factory)
    if registry is None or registry.storage is None:
        raise Lacking("the factory runs no registry of models on a volume")
    return ground.pod("Pod", workload, volumes=[{"name": "wanted", "persistentVolumeClaim": {"claimName": CLAIM, **how}}])


def _store_by_another(ground: Ground) -> Trial:
    place = _door(ground, READ).segment
    others = (it for it in ground.workloads if it.segment == place and it.name not in (READ, WRITE))
    return _mount(ground, ground.one(others, "the registry's segment has no other workload"))


def _configuration(ground: Ground) -> Trial:
    config = ground.planned("ConfigMap", ground.namespace(_door(ground, WRITE)), WRITE)
    return ground.forbidden_patch(config, {"data": {"config.yml": "version: 0.1\n"}})


TACTIC = Tactic(
    "model registry tampering",
    ("AML.T0010", "AML.T0020"),
    (
        Attack("a pod of the read door mounts the store for writing", "ZG03", lambda g: _mount(g, _door(g, READ))),
        Attack("another workload of the registry's segment mounts the store", "ZG03", _store_by_another),
        Attack("a door's configuration loses its client certificates", "ZG07", _configuration),
    ),
)
