"""To get a workload's token, which is the workload."""

from __future__ import annotations

from factory.plan import Body
from factory.review.drill.attack import RBAC, Attack, Identity, Tactic, Trial, create, denied, held, thing
from factory.review.drill.ground import NAME, Ground


def _requested(ground: Ground, by: Identity) -> Trial:
    # Even a dry run answers with a token that works, so it is for nobody, and for as short as Kubernetes lets it be.
    account = ground.planned("ServiceAccount", ground.home, ground.plain.name)
    spec = {"audiences": [NAME], "expirationSeconds": 600}
    return Trial(create(by, account, "token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}), held(by))


def _lasting(ground: Ground) -> Trial:
    annotations = {"kubernetes.io/service-account.name": ground.plain.name}
    lasting = _secret(ground, metadata={"name": NAME, "namespace": ground.home, "annotations": annotations})
    return Trial(create(ground.administrator, lasting), create(ground.administrator, _secret(ground, type="Opaque")))


def _secret(ground: Ground, type: str = "kubernetes.io/service-account-token", **content: Body) -> Body:
    return thing("v1/Secret", NAME, ground.home, type=type, **content)


def _projected(ground: Ground, **source: object) -> Trial:
    source = {"path": "token", **source}
    return ground.pod("Deployment", ground.plain, volumes=[{"name": "wanted", "projected": {"sources": [{"serviceAccountToken": source}]}}])


TACTIC = Tactic(
    "token minting",
    ("T1528", "T1550.001"),
    (
        Attack("an administrator asks for a workload's token", "ZG09", lambda g: _requested(g, g.administrator)),
        Attack("a Secret holds a workload's token for ever", "ZG09", _lasting),
        Attack("a pod projects a token that the API server takes", "ZG03", lambda g: _projected(g)),
        Attack("a pod projects a token for somebody else", "ZG03", lambda g: _projected(g, audience="sts.amazonaws.com")),
        Attack("an operator asks for a workload's token", RBAC, lambda g: _requested(g, g.operator)),
        Attack("the deployer asks for a workload's token", RBAC, lambda g: _requested(g, g.deployer)),
        Attack("a viewer asks for a workload's token", RBAC, lambda g: denied(g.viewer, "create", "serviceaccounts/token", g.viewer.home)),
        Attack("a workload asks for a neighbour's token", RBAC, lambda g: _requested(g, g.workload_itself(g.sibling))),
        Attack("a pod of another namespace asks for a workload's token", RBAC, lambda g: _requested(g, g.neighbour)),
    ),
)
