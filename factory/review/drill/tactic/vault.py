"""To get at keys past the policies of the vault."""

from __future__ import annotations

from factory.plan import Body
from factory.plan.vault import CONFIGURATION, POLICY, WORKLOAD, claims, find_openbao
from factory.review.drill.attack import Attack, Lacking, Tactic, Trial, thing
from factory.review.drill.ground import Ground
from factory.spec import OpenBao, Workload


def _vault(ground: Ground) -> OpenBao:
    vault = find_openbao(ground.factory)
    if vault is None:
        raise Lacking("the factory runs no OpenBao")
    return vault


def _member(ground: Ground) -> Workload:
    return ground.factory.workload[f"{_vault(ground).segment}/{WORKLOAD}"]


def _data_by_another(ground: Ground) -> Trial:
    vault = _vault(ground)
    others = (it for it in ground.workloads if it.segment == vault.segment and it.name != WORKLOAD)
    thief = ground.one(others, "OpenBao has its segment to itself")
    return ground.pod("Pod", thief, volumes=[{"name": "wanted", "persistentVolumeClaim": {"claimName": claims(vault)[0]}}])


def _claim(ground: Ground) -> Trial:
    # Whoever makes the claim of a member that is not there yet chooses the volume that its keys will be on.
    spec: Body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": "wanted"}
    return ground.elsewhere(thing("v1/PersistentVolumeClaim", claims(_vault(ground))[0], ground.namespace(_member(ground)), spec=spec))


def _patched(ground: Ground, name: str, file: str, text: str) -> Trial:
    config = ground.planned("ConfigMap", ground.namespace(_member(ground)), name)
    return ground.forbidden_patch(config, {"data": {file: text}})


def _token(ground: Ground) -> Trial:
    source = {"serviceAccountToken": {"path": "token", "audience": "https://vault.attacker.example"}}
    return ground.pod("StatefulSet", _member(ground), volumes=[{"name": "wanted", "projected": {"sources": [source]}}])


TACTIC = Tactic(
    "key theft",
    ("T1552", "T1555"),
    (
        Attack("another workload of OpenBao's segment mounts a member's data", "ZG03", _data_by_another),
        Attack("somebody else makes the volume claim of a member", "ZG07", _claim),
        Attack("a policy lets everybody decrypt", "ZG07", lambda g: _patched(g, POLICY, "helix.hcl", 'path "*" {}')),
        Attack("OpenBao loses its audit log", "ZG07", lambda g: _patched(g, CONFIGURATION, "server.json", "{}")),
        Attack("OpenBao bears a token for somebody else", "ZG03", _token),
    ),
)
