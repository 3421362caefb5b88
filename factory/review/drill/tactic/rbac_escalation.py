"""To have more rights than the spec gives."""

from __future__ import annotations

from factory.plan import Body, names
from factory.review.drill.attack import RBAC, Attack, Identity, Tactic, Trial, create, denied, held, patch, thing
from factory.review.drill.ground import ELSEWHERE, NAME, TOUCH, Ground
from factory.spec import OPERATOR

GROUP = "rbac.authorization.k8s.io"
EVERYBODY = {"apiGroup": GROUP, "kind": "Group", "name": "system:authenticated"}


def _grants(ground: Ground, **rule: list[str]) -> Trial:
    """The deployer, whose pipeline is poisoned, writes into a planned role more than any role may hold."""
    role, _ = ground.access
    modest = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    return Trial(patch(ground.deployer, role, {"rules": [modest | rule]}), patch(ground.deployer, role, {"rules": [modest]}))


def _bound(ground: Ground, subject: Body) -> Trial:
    _, binding = ground.access
    return Trial(patch(ground.deployer, binding, {"subjects": [subject]}), patch(ground.deployer, binding, TOUCH))


def _cluster_role(ground: Ground) -> Trial:
    subject = {"apiGroup": GROUP, "kind": "Group", "name": "drill:nobody"}

    def binding(kind: str, name: str) -> Body:
        return thing(
            f"{GROUP}/v1/RoleBinding",
            NAME,
            role["metadata"]["namespace"],
            subjects=[subject],
            roleRef={"apiGroup": GROUP, "kind": kind, "name": name},
        )

    role, _ = ground.access
    return Trial(
        create(ground.deployer, binding("ClusterRole", "cluster-admin")), create(ground.deployer, binding("Role", role["metadata"]["name"]))
    )


def _own_role(ground: Ground, by: Identity) -> Trial:
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    return ground.elsewhere(thing(f"{GROUP}/v1/Role", NAME, ground.home, rules=rules), by)


def _own_binding(ground: Ground, by: Identity) -> Trial:
    subject = {"apiGroup": GROUP, "kind": "User", "name": by.user}
    role = {"apiGroup": GROUP, "kind": "Role", "name": OPERATOR}
    return ground.elsewhere(thing(f"{GROUP}/v1/RoleBinding", NAME, ground.home, subjects=[subject], roleRef=role), by)


def _taken(ground: Ground, holder: str) -> Trial:
    """Whoever may ask does so without subjects; this puts somebody in at once. What else it lacks makes it no better."""
    who, eligibility = ground.eligible
    annotations = {names.ELIGIBLE_AS: eligibility.group, names.REQUESTED_BY: who.user, names.REASON: NAME, names.TICKET: NAME}
    annotations[names.EXPIRES_AT] = "9999-12-31T23:59:59Z"
    metadata = {
        "namespace": names.namespace(ground.factory.name, min(eligibility.segments)),
        "labels": {names.GRANT: "true", names.CLEANUP: "9999-12-31T235959Z"},
        "annotations": annotations,
    }
    binding = thing(
        f"{GROUP}/v1/RoleBinding",
        names.held(eligibility.role, who.user),
        metadata=metadata,
        subjects=[{"apiGroup": GROUP, "kind": "User", "name": holder}],
        roleRef={"apiGroup": GROUP, "kind": "Role", "name": eligibility.role},
    )
    return Trial(create(who, binding), held(who))


TACTIC = Tactic(
    "RBAC escalation",
    ("T1098.006",),
    (
        Attack("a role grants every verb", "ZG10", lambda g: _grants(g, verbs=["*"])),
        Attack("a role grants every resource", "ZG10", lambda g: _grants(g, resources=["*"])),
        Attack("a role grants every subresource of pods", "ZG10", lambda g: _grants(g, resources=["pods/*"])),
        Attack(
            "a role lets its holders become somebody else",
            "ZG10",
            lambda g: _grants(g, resources=["serviceaccounts"], verbs=["impersonate"]),
        ),
        Attack(
            "a role lets its holders grant anything",
            "ZG10",
            lambda g: _grants(g, apiGroups=[GROUP], resources=["roles"], verbs=["escalate"]),
        ),
        Attack(
            "a role hands out tokens of workloads",
            "ZG10",
            lambda g: _grants(g, resources=["serviceaccounts/token"], verbs=["create"]),
            ("T1528",),
        ),
        Attack("a role is given to everybody", "ZG11", lambda g: _bound(g, EVERYBODY)),
        Attack(
            "a role is given to a ServiceAccount elsewhere",
            "ZG11",
            lambda g: _bound(g, {"kind": "ServiceAccount", "namespace": ELSEWHERE, "name": "default"}),
        ),
        Attack("a role of the whole cluster is given in a segment", f"{RBAC}|ZG11", _cluster_role),
        Attack("an administrator makes a role in a segment", "ZG07", lambda g: _own_role(g, g.administrator)),
        Attack("an administrator gives themselves a role in a segment", "ZG07", lambda g: _own_binding(g, g.administrator)),
        Attack("an administrator gives themselves a role for ever as one for a while", "ZG17", lambda g: g.attempted("ZG17")),
        Attack("somebody eligible takes the role without consent", "ZG17", lambda g: _taken(g, g.eligible[0].user)),
        Attack("somebody eligible takes the role for another", "ZG17", lambda g: _taken(g, "somebody-else")),
        Attack("an operator makes a role", RBAC, lambda g: _own_role(g, g.operator)),
        Attack("an operator gives themselves a role", f"{RBAC}|ZG07", lambda g: _own_binding(g, g.operator)),
        Attack("an operator becomes somebody else", RBAC, lambda g: denied(g.operator, "impersonate", "users")),
        Attack(
            "an operator signs a certificate of their own", RBAC, lambda g: denied(g.operator, "approve", "signers.certificates.k8s.io")
        ),
        Attack("a viewer runs pods", RBAC, lambda g: denied(g.viewer, "create", "pods", g.viewer.home)),
        Attack("a delivery tool gives away roles", RBAC, lambda g: denied(g.delivery, "create", f"rolebindings.{GROUP}", g.delivery.home)),
        Attack("a workload gives itself a role", RBAC, lambda g: _own_binding(g, g.workload_itself(g.plain))),
        Attack("a pod of another namespace gives itself a role", RBAC, lambda g: _own_binding(g, g.neighbour)),
        Attack("the deployer gives itself the cluster", RBAC, lambda g: denied(g.deployer, "create", f"clusterrolebindings.{GROUP}")),
        Attack("the deployer reads a segment's Secrets", RBAC, lambda g: denied(g.deployer, "get", "secrets", g.home), ("T1552.007",)),
        Attack("the deployer runs pods", RBAC, lambda g: denied(g.deployer, "create", "pods", g.home), ("T1610",)),
    ),
)
