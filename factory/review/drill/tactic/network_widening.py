"""To reach, or let in, whom no flow names."""

from __future__ import annotations

from typing import Any

from factory.plan import Body
from factory.review.drill.attack import RBAC, Attack, Identity, Lacking, Tactic, Trial, create, delete, denied, thing
from factory.review.drill.ground import NAME, Ground
from factory.spec import NetworkEngine

GROUP = "networking.k8s.io"


def _policy(ground: Ground, **spec: Any) -> Body:
    return thing(f"{GROUP}/v1/NetworkPolicy", NAME, ground.home, spec={"podSelector": {}, **spec})


def _opened(ground: Ground, **spec: Any) -> Trial:
    policy = _policy(ground, **spec)
    return Trial(create(ground.administrator, policy), create(ground.deployer, policy))


def _by(ground: Ground, by: Identity) -> Trial:
    policy = _policy(ground, policyTypes=["Ingress"], ingress=[{}])
    return Trial(create(by, policy), create(ground.deployer, policy))


def _isolation(ground: Ground) -> Body:
    return ground.planned("NetworkPolicy", ground.home, "deny-all")


def _flow(ground: Ground) -> Body:
    for flow in sorted(ground.factory.flows, key=lambda it: it.reference):
        for manifest in ground.plan.manifests:
            if (
                manifest.body["kind"] == "NetworkPolicy"
                and manifest.because.path == f"flows[{flow.reference}]"
                and "ingress" in manifest.body["spec"]
            ):
                return thing(f"{GROUP}/v1/NetworkPolicy", manifest.body["metadata"]["name"], manifest.body["metadata"]["namespace"])
    raise Lacking("no flow of the stack ends in a segment")


def _deleted(ground: Ground, *, all_of_them: bool = False) -> Trial:
    policy = _isolation(ground)
    return Trial(delete(ground.administrator, policy, all_of_them=all_of_them), delete(ground.deployer, policy))


def _cilium(ground: Ground) -> Trial:
    if ground.factory.cluster.network_policy is not NetworkEngine.CILIUM:
        raise Lacking("the network engine is not Cilium")
    policy = thing(
        "cilium.io/v2/CiliumNetworkPolicy", NAME, ground.home, spec={"endpointSelector": {}, "egress": [{"toEntities": ["world"]}]}
    )
    return Trial(create(ground.administrator, policy), create(ground.deployer, policy))


TACTIC = Tactic(
    "network policy widening",
    ("T1562",),
    (
        Attack("a policy of their own lets everybody in", "ZG07", lambda g: _opened(g, policyTypes=["Ingress"], ingress=[{}])),
        Attack(
            "a policy of their own lets everybody out", "ZG07", lambda g: _opened(g, policyTypes=["Egress"], egress=[{}]), ("AML.T0025",)
        ),
        Attack("the default deny is opened", "ZG07", lambda g: g.forbidden_patch(_isolation(g), {"spec": {"ingress": [{}]}})),
        Attack(
            "the default deny selects nothing",
            "ZG07",
            lambda g: g.forbidden_patch(_isolation(g), {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}),
        ),
        Attack("a flow lets in whom it does not name", "ZG07", lambda g: g.forbidden_patch(_flow(g), {"spec": {"ingress": [{}]}})),
        Attack("the default deny is deleted", "ZG07", _deleted),
        Attack("all policies of a segment are deleted", "ZG07", lambda g: _deleted(g, all_of_them=True)),
        Attack("a Cilium policy of their own lets everybody out", "ZG07", _cilium),
        Attack("an operator lets everybody in", RBAC, lambda g: _by(g, g.operator)),
        Attack("a workload lets everybody in", RBAC, lambda g: _by(g, g.workload_itself(g.plain))),
        Attack("a pod of another namespace lets everybody in", RBAC, lambda g: _by(g, g.neighbour)),
        Attack("a viewer writes policies", RBAC, lambda g: denied(g.viewer, "create", f"networkpolicies.{GROUP}", g.viewer.home)),
        Attack(
            "an operator writes a policy over all segments",
            RBAC,
            lambda g: denied(g.operator, "create", "clusternetworkpolicies.policy.networking.k8s.io"),
        ),
    ),
)
