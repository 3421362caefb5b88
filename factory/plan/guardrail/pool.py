"""ZG02: GPUs, and the nodes that carry them, for the pool's own workloads only."""

from __future__ import annotations

from factory.plan import controls, names
from factory.spec import Factory

from .guardrail import Guardrail, Validation, text
from .pod import CONTAINERS, of_workload, pod_guardrail


def pool(factory: Factory) -> Guardrail:
    """Taints keep other pods off a pool's nodes, so what is guarded is who may tolerate them, or pass the scheduler by.

    Requests and limits of an extended resource are equal already: Kubernetes allows no overcommitment of those. Node affinity is free,
    since it can only narrow what taints and `nodeSelector` leave.
    """
    return pod_guardrail(
        "ZG02",
        "pool",
        "A pod gets GPUs, and nodes that carry them, only from the pool that its workload is granted.",
        (controls.TENET_3, controls.TENET_5, controls.CIS_NAMESPACES),
        variables={
            **CONTAINERS,
            "pools": of_workload("pool"),
            "nodes": of_workload("nodes"),
            "resources": of_workload("resources"),
            "templates": of_workload("claim-templates"),
            "selector": "variables.spec.?nodeSelector.orValue({})",
        },
        validations=(
            Validation(
                "variables.containers.all(c, [c.?resources.?limits.orValue({}), c.?resources.?requests.orValue({})]"
                ".all(amounts, amounts.all(r, !r.contains('/') || r in variables.resources)))",
                "containers may ask for no device but that of the workload's pool.",
                "variables.resources",
            ),
            Validation(
                "variables.spec.?resourceClaims.orValue([]).all(c, c.?resourceClaimTemplateName.orValue('') in variables.templates)",
                "resourceClaims must be made from the ResourceClaimTemplate of the workload's pool.",
                "variables.templates",
            ),
            Validation(
                "variables.nodes.all(n, variables.selector.exists(k, k + '=' + variables.selector[k] == n))",
                "nodeSelector must hold the labels of the workload's pool.",
                "variables.nodes",
            ),
            Validation(
                "variables.spec.?tolerations.orValue([]).all(t, t.?key.orValue('') != '' && (t.key != "
                f"{text(names.POOL)} || (t.?operator.orValue('Equal') == 'Equal' && t.?value.orValue('') in variables.pools)))",
                f"tolerations must name a key, and for the key {names.POOL} the workload's own pool with operator Equal.",
                "variables.pools",
            ),
            Validation(
                "variables.spec.?nodeName.orValue('') == (oldObject == null ? '' : dyn(oldObject).?spec.?nodeName.orValue(''))",
                "nodeName must not be set: the scheduler places pods.",
            ),
            Validation(
                "variables.spec.?schedulerName.orValue('default-scheduler') == 'default-scheduler'",
                "schedulerName must be default-scheduler.",
            ),
        ),
    )
