"""To pose as a workload that one is not."""

from __future__ import annotations

from factory.plan import names
from factory.review.drill.attack import RBAC, Attack, Tactic, Trial, create, patch, thing
from factory.review.drill.ground import NAME, Ground


def _as_sibling(ground: Ground) -> Trial:
    return ground.pod("StatefulSet", ground.sibling, serviceAccountName=ground.plain.name)


def _as_stranger(ground: Ground) -> Trial:
    other = ground.stranger_workload.name
    return ground.pod("Deployment", ground.plain, metadata={"labels": {names.WORKLOAD: other}}, serviceAccountName=other)


def _relabelled(ground: Ground) -> Trial:
    pod = ground.running()
    change = {"metadata": {"labels": {names.WORKLOAD: "somebody-else"}}}
    twin = {"metadata": {"annotations": {"example.org/drill": "yes"}}}
    return Trial(patch(ground.administrator, pod, change), patch(ground.administrator, pod, twin))


def _in_another_segment(ground: Ground) -> Trial:
    who, workload = ground.foreign_operator
    return ground.run(who, workload)


def _mounted_token(ground: Ground) -> Trial:
    account = ground.planned("ServiceAccount", ground.home, ground.plain.name)
    return ground.forbidden_patch(account, {"automountServiceAccountToken": True})


def _own_account(ground: Ground) -> Trial:
    account = thing("v1/ServiceAccount", NAME, ground.home)
    return Trial(create(ground.administrator, account), create(ground.deployer, account))


FORGED = "ZG01|ZG02|ZG03|ZG04"
"""What a pod was granted (GPUs, volumes, images), it is not granted under another name or none: these may be the first to say no."""

TACTIC = Tactic(
    "identity forgery",
    ("T1036.005", "T1078", "AML.T0012"),
    (
        Attack(
            "a Deployment's pods bear no workload label",
            FORGED,
            lambda g: g.pod("Deployment", g.plain, metadata={"labels": {names.WORKLOAD: None}}),
        ),
        Attack("a Deployment poses as a workload of another segment", FORGED, _as_stranger),
        Attack("a StatefulSet bears a neighbour's label over its own ServiceAccount", "ZG01", _as_sibling),
        Attack(
            "a DaemonSet takes a neighbour's ServiceAccount",
            "ZG01",
            lambda g: g.pod("DaemonSet", g.plain, serviceAccountName=g.sibling.name),
        ),
        Attack(
            "a Job runs as the default ServiceAccount",
            "ZG01",
            lambda g: g.pod("Job", g.plain, serviceAccountName="default", automountServiceAccountToken=False),
        ),
        Attack(
            "a ReplicaSet mounts a token of its ServiceAccount",
            "ZG01",
            lambda g: g.pod("ReplicaSet", g.plain, automountServiceAccountToken=True),
        ),
        Attack("a pod shares its processes among its containers", "ZG01", lambda g: g.pod("Pod", g.plain, shareProcessNamespace=True)),
        Attack("a running pod is relabelled as another workload", FORGED, _relabelled),
        Attack("an identity of their own is made", "ZG07", _own_account, ("T1136",)),
        Attack("a workload's ServiceAccount is told to mount its token", "ZG07", _mounted_token),
        Attack("somebody without a role runs a workload", RBAC, lambda g: g.run(g.stranger, g.plain)),
        Attack("a pod of another namespace runs a workload", RBAC, lambda g: g.run(g.neighbour, g.plain)),
        Attack("a workload starts more of itself", RBAC, lambda g: g.run(g.workload_itself(g.plain), g.plain)),
        Attack("an operator runs a workload of a segment that is not theirs", RBAC, _in_another_segment),
    ),
)
