"""To push other stages' pods aside."""

from __future__ import annotations

from factory.plan.priority import priority_class
from factory.review.drill.attack import RBAC, Attack, Tactic, Trial, denied
from factory.review.drill.ground import Ground


def _other_stage(ground: Ground) -> Trial:
    own = ground.factory.segment[ground.plain.segment].stage
    stages = {segment.stage for segment in ground.factory.segments} - {own}
    stage = ground.one(sorted(stages, key=lambda it: it.value), "the stack has one stage")
    return ground.pod("Deployment", ground.plain, priorityClassName=priority_class(ground.factory.name, stage))


TACTIC = Tactic(
    "priority abuse",
    ("T1499", "AML.T0029"),
    (
        Attack("a workload takes another stage's priority", "ZG06", _other_stage),
        Attack(
            "a workload takes the priority of the cluster's own",
            "ZG06",
            lambda g: g.pod("DaemonSet", g.plain, priorityClassName="system-cluster-critical"),
        ),
        Attack(
            "a Job takes the priority of the node's own", "ZG06", lambda g: g.pod("Job", g.plain, priorityClassName="system-node-critical")
        ),
        Attack(
            "an operator makes a priority above all",
            RBAC,
            lambda g: denied(g.operator, "create", "priorityclasses.scheduling.k8s.io"),
        ),
    ),
)
