"""ZG18: pods elsewhere take neither the factory's GPUs nor its priority."""

from __future__ import annotations

from factory.plan import controls, names
from factory.plan.priority import priority_class
from factory.spec import Factory

from .guardrail import Guardrail, Rule, Validation, text, texts


def outsider(factory: Factory) -> Guardrail:
    """A taint keeps off a node whoever does not tolerate it, and anybody may tolerate anything: so pods of other namespaces are looked at
    too, when they are created and when a toleration is added. Agents that every node needs (network, devices, logs) tolerate every taint;
    the spec names their namespaces."""
    pools = texts(tuple(sorted(pool.name for pool in factory.pools)))
    classes = texts(tuple(sorted({priority_class(factory.name, segment.stage) for segment in factory.segments})))
    agents = texts(tuple(sorted(factory.cluster.node_agents)))
    return Guardrail(
        "ZG18",
        "outsider",
        "Pods outside of the segments take neither the factory's GPUs nor its priority.",
        (controls.TENET_3, controls.CIS_NAMESPACES),
        rules=(Rule("", "v1", ("pods",)),),
        conditions={
            "no-agent": f"!(request.namespace in {agents})",
            # A static pod comes from the disk of its node, and is mirrored by the node's own kubelet.
            "no-mirror": "!('system:nodes' in request.userInfo.?groups.orValue([]))",
        },
        variables={
            "tolerations": "object.spec.?tolerations.orValue([])",
            "before": "oldObject == null ? [] : oldObject.spec.?tolerations.orValue([])",
        },
        validations=(
            Validation(
                "variables.tolerations.all(t, t in variables.before || (t.?key.orValue('') != '' && (t.key != "
                f"{text(names.POOL)} || (t.?operator.orValue('Equal') == 'Equal' && !(t.?value.orValue('') in {pools})))))",
                f"pods outside of factory {factory.name} tolerate no taint of its pools, and not every taint; "
                "cluster.nodeAgents names the namespaces of node agents.",
            ),
            Validation(
                "oldObject != null || object.spec.?nodeName.orValue('') == ''",
                "nodeName would pass the taints of the factory's pools by: let the scheduler place the pod.",
            ),
            Validation(
                f"oldObject != null || !(object.spec.?priorityClassName.orValue('') in {classes})",
                f"the priority classes of factory {factory.name} are for its own pods.",
            ),
        ),
        where="Elsewhere",
    )
