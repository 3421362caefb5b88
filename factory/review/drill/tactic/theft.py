"""To read, copy, change or destroy datasets and models that one is not granted."""

from __future__ import annotations

from typing import Any

from factory.review.drill.attack import RBAC, Attack, Tactic, Trial, denied, thing
from factory.review.drill.ground import DIGEST, NAME, Ground
from factory.spec import Workload

CLAIM = {"accessModes": ["ReadOnlyMany"], "resources": {"requests": {"storage": "1Gi"}}}


def _mount(ground: Ground, kind: str, workload: Workload, **source: Any) -> Trial:
    return ground.pod(kind, workload, volumes=[{"name": "wanted", **source}])


def _dataset(ground: Ground, kind: str, **how: Any) -> Trial:
    workload, dataset = ground.stolen_dataset
    return _mount(ground, kind, workload, persistentVolumeClaim={"claimName": dataset.claim_name, **how})


def _writable(ground: Ground) -> Trial:
    workload, dataset = ground.read_only
    return _mount(ground, "Job", workload, persistentVolumeClaim={"claimName": dataset.claim_name})


def _model(ground: Ground) -> Trial:
    workload, model = ground.stolen_model
    return _mount(ground, "Pod", workload, image={"reference": model.repository + DIGEST})


def _tagged(ground: Ground) -> Trial:
    workload, model = ground.served
    return _mount(ground, "Deployment", workload, image={"reference": f"{model.repository}:latest"})


def _lookalike(ground: Ground) -> Trial:
    workload, model = ground.served
    return _mount(ground, "Deployment", workload, image={"reference": f"{model.repository}-2{DIGEST}"})


def _bound_volume(ground: Ground) -> Trial:
    ground.one(ground.factory.datasets, "there is no dataset")
    return ground.elsewhere(thing("v1/PersistentVolumeClaim", NAME, ground.home, spec={**CLAIM, "volumeName": "theirs"}))


def _cloned(ground: Ground) -> Trial:
    _, dataset = ground.stolen_dataset
    source = {"kind": "PersistentVolumeClaim", "name": dataset.claim_name}
    spec = {**CLAIM, "storageClassName": "any", "dataSource": source}
    return ground.elsewhere(thing("v1/PersistentVolumeClaim", NAME, ground.home, spec=spec))


def _deleted(ground: Ground) -> Trial:
    ground.one(ground.factory.datasets, "there is no dataset")
    return denied(ground.operator, "delete", "persistentvolumeclaims", ground.home)


def _made_for_the_pod(ground: Ground) -> Trial:
    return _mount(ground, "StatefulSet", ground.plain, ephemeral={"volumeClaimTemplate": {"spec": CLAIM}})


def _logs(ground: Ground) -> Trial:
    who, workload = ground.foreign_operator
    return denied(who, "get", "pods/log", ground.namespace(workload))


TACTIC = Tactic(
    "dataset and model theft",
    ("AML.T0035", "AML.T0025"),
    (
        Attack("a Job mounts a dataset that its workload is not granted", "ZG03", lambda g: _dataset(g, "Job")),
        Attack("a CronJob mounts that dataset read-only", "ZG03", lambda g: _dataset(g, "CronJob", readOnly=True), ("T1053.007",)),
        Attack("a dataset that is only read is mounted for writing", "ZG03", _writable, ("AML.T0020",)),
        Attack("a pod mounts a model that its workload does not serve", "ZG03", _model),
        Attack("a served model is mounted by tag, which anybody may move", "ZG03", _tagged, ("AML.T0010",)),
        Attack("weights come from a repository whose name begins like the model's", "ZG03", _lookalike, ("AML.T0010",)),
        Attack(
            "a storage driver's volume is mounted directly",
            "ZG03",
            lambda g: _mount(g, "Deployment", g.plain, csi={"driver": "nfs.csi.k8s.io"}),
        ),
        Attack(
            "a network file system is mounted",
            "ZG03",
            lambda g: _mount(g, "ReplicaSet", g.plain, nfs={"server": "203.0.113.1", "path": "/"}),
        ),
        Attack("a volume is made for the pod alone", "ZG03", _made_for_the_pod),
        Attack("a claim of their own takes an existing volume", "ZG07", _bound_volume),
        Attack("a claim of their own copies a dataset", "ZG07", _cloned),
        Attack("an operator deletes the segment's datasets", RBAC, _deleted, ("T1485",)),
        Attack("an operator makes a volume of a disk", RBAC, lambda g: denied(g.operator, "create", "persistentvolumes")),
        Attack("a viewer reads Secrets", RBAC, lambda g: denied(g.viewer, "list", "secrets", g.viewer.home), ("T1552.007",)),
        Attack(
            "an operator reads Secrets",
            RBAC,
            lambda g: denied(g.operator, "get", "secrets", g.home),
            ("T1552.007",),
        ),
        Attack("a delivery tool reads Secrets", RBAC, lambda g: denied(g.delivery, "get", "secrets", g.delivery.home), ("T1552.007",)),
        Attack("a workload reads Secrets", RBAC, lambda g: denied(g.workload_itself(g.plain), "get", "secrets", g.home), ("T1552.007",)),
        Attack("an operator reads logs of a segment that is not theirs", RBAC, _logs),
    ),
)
