"""To run an image that nobody has approved."""

from __future__ import annotations

from factory.review.drill.attack import Attack, Lacking, Tactic, Trial, patch
from factory.review.drill.ground import DIGEST, TOUCH, Ground
from factory.spec import Workload


def _run(ground: Ground, kind: str, image: str, workload: Workload | None = None, *, first: bool = False) -> Trial:
    workload = workload or ground.plain
    if first:
        return ground.pod(kind, workload, initContainers=[ground.container(workload, name="first", image=image)])
    return ground.pod(kind, workload, containers=[ground.container(workload, image=image)])


def _lookalike(ground: Ground) -> Trial:
    host = ground.registry.partition("/")[0]
    return _run(ground, "Deployment", f"{host}.attacker.example/app{DIGEST}")


def _beside(ground: Ground) -> Trial:
    host = ground.registry.partition("/")[0]
    return _run(ground, "StatefulSet", f"{host}/somebody-elses/app{DIGEST}")


def _tag(ground: Ground) -> Trial:
    if not (ground.factory.production if ground.factory.images.digests is None else ground.factory.images.digests):
        raise Lacking("images.digests is off: images may be named by tag")
    return _run(ground, "Deployment", ground.container(ground.plain)["image"].partition("@")[0] + ":latest")


def _weights(ground: Ground) -> Trial:
    model = ground.one(sorted(ground.factory.models, key=lambda it: it.name), "there is no model")
    return _run(ground, "Job", model.repository + DIGEST)


def _swapped(ground: Ground) -> Trial:
    pod = ground.running()
    container = {"name": pod["spec"]["containers"][0]["name"], "image": f"registry.example/other/app{DIGEST}"}
    return Trial(patch(ground.administrator, pod, {"spec": {"containers": [container]}}), patch(ground.administrator, pod, TOUCH))


TACTIC = Tactic(
    "image tricks",
    ("T1204.003", "AML.T0010"),
    (
        Attack(
            "a Deployment runs an image of another registry", "ZG04", lambda g: _run(g, "Deployment", f"registry.example/other/app{DIGEST}")
        ),
        Attack(
            "an init container runs an image of another registry",
            "ZG04",
            lambda g: _run(g, "Job", f"registry.example/other/app{DIGEST}", first=True),
        ),
        Attack("a CronJob runs an image without a registry", "ZG04", lambda g: _run(g, "CronJob", f"nginx{DIGEST}"), ("T1053.007",)),
        Attack("a registry's name begins like the factory's", "ZG04", _lookalike),
        Attack("an image lies beside the factory's in its registry", "ZG04", _beside),
        Attack("an image is named by a tag, which anybody may move", "ZG04", _tag, ("T1525",)),
        Attack(
            "a workload runs an image that is not on its list",
            "ZG04",
            lambda g: _run(g, "Deployment", f"{g.registry}unlisted{DIGEST}", g.lister),
        ),
        Attack("a model's weights are run as an image", "ZG04", _weights, ("AML.T0035",)),
        Attack("the image of a running pod is swapped", "ZG04", _swapped, ("T1525",)),
    ),
)
