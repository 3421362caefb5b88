"""To serve what nobody has signed, or to stop asking for signatures."""

from __future__ import annotations

from factory.plan import Body
from factory.plan.guardrail.signature import API, KIND, image_policy, model_policy
from factory.review.drill.attack import Attack, Lacking, Tactic, Trial, create, thing
from factory.review.drill.ground import DIGEST, ELSEWHERE, NAME, Ground
from factory.spec import Model, Workload

VERIFIED = "ZG19|ZG20"
"""Kyverno is asked about a pod's models and its images at once, and either may refuse first."""
LOOSER = {"spec": {"validationActions": ["Audit"]}}


def _signed(ground: Ground) -> tuple[Workload, Model]:
    served = ((workload, ground.factory.model[name]) for workload in ground.workloads for name in sorted(workload.serves))
    return ground.one((pair for pair in served if pair[1].signers), "no workload serves a model that must be signed")


def _mounted(ground: Ground) -> Trial:
    workload, model = _signed(ground)
    return ground.pod("Pod", workload, volumes=[{"name": "model", "image": {"reference": model.repository + DIGEST}}])


def _run(ground: Ground) -> Trial:
    if not ground.factory.images.signers:
        raise Lacking("images need no signatures")
    pod = ground.carry("Pod", ground.plain)
    return Trial(create(ground.administrator, pod), create(ground.administrator, ground.carry("Deployment", ground.plain)))


def _policy(ground: Ground) -> str:
    factory = ground.factory
    found = [model_policy(factory.name, model.name) for model in factory.models if model.signers]
    return ground.one([*sorted(found), *([image_policy(factory.name)] if factory.images.signers else [])], "nothing must be signed")


def _warned(ground: Ground) -> Trial:
    return ground.forbidden_patch(ground.planned(KIND, name=_policy(ground)), LOOSER)


def _excepted(ground: Ground) -> Trial:
    def exception(policy: str) -> Body:
        return thing(f"{API}/PolicyException", NAME, ELSEWHERE, spec={"policyRefs": [{"name": policy, "kind": KIND}]})

    return Trial(create(ground.administrator, exception(_policy(ground))), create(ground.administrator, exception("of-somebody-else")))


TACTIC = Tactic(
    "unsigned models and images",
    ("AML.T0010", "T1195.002"),
    (
        Attack("a pod mounts weights that nobody signed", VERIFIED, _mounted),
        Attack("a pod runs an image that nobody signed", VERIFIED, _run, ("T1204.003",)),
        Attack("an administrator has missing signatures reported only", "ZG21", _warned, ("T1562.001",)),
        Attack("an administrator excepts their pod from signatures", "ZG21", _excepted, ("T1562.001",)),
    ),
)
