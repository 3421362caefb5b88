"""To hide in a kind that carries a pod, what would be refused in a pod."""

from __future__ import annotations

from factory.plan.guardrail.attack import CARRIERS
from factory.review.drill.attack import Attack, Tactic, Trial
from factory.review.drill.ground import Ground

HOST = {"name": "wanted", "hostPath": {"path": "/"}}


def _hidden(kind: str) -> Attack:
    def trial(ground: Ground) -> Trial:
        return ground.pod(kind, ground.plain, volumes=[HOST])

    return Attack(f"the node's files are mounted by a {kind}", "ZG03", trial, ("T1053.007",) if kind in ("Job", "CronJob") else ())


TACTIC = Tactic("template kinds", ("T1610", "T1611"), tuple(_hidden(kind) for kind in CARRIERS if kind != "Pod"))
