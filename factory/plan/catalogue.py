"""The catalogue of roles: what each built-in role may do, which ways into running pods it opens, and in which stages it makes sense.

`viewer` and `operator` may stand; the others are meant to be held for a while. A spec adds its own under `roles`: one of the same name
takes the place of one here, but for `viewer` and `operator`.
"""

from __future__ import annotations

from factory.spec import OPERATOR, VIEWER, Factory, Permission, Session, Stage

DATA_STEWARD, ML_ENGINEER = "data-steward", "ml-engineer"
DEBUGGER, SECURITY_REVIEWER, BREAK_GLASS = "debugger", "security-reviewer", "break-glass"

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "patch", "update")
WORKLOADS = ("daemonsets", "deployments", "replicasets", "statefulsets")

VIEW = (
    Permission(
        resources=(
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "persistentvolumeclaims",
            "pods",
            "pods/log",
            "pods/status",
            "replicationcontrollers",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ),
        verbs=READ,
    ),
    Permission(api_groups=("apps",), resources=WORKLOADS, verbs=READ),
    Permission(api_groups=("autoscaling",), resources=("horizontalpodautoscalers",), verbs=READ),
    Permission(api_groups=("batch",), resources=("cronjobs", "jobs"), verbs=READ),
    Permission(api_groups=("discovery.k8s.io",), resources=("endpointslices",), verbs=READ),
    Permission(api_groups=("events.k8s.io",), resources=("events",), verbs=READ),
    Permission(api_groups=("kueue.x-k8s.io",), resources=("localqueues", "workloads"), verbs=READ),
    Permission(api_groups=("networking.k8s.io",), resources=("networkpolicies",), verbs=READ),
    Permission(api_groups=("policy",), resources=("poddisruptionbudgets",), verbs=READ),
    Permission(api_groups=("rbac.authorization.k8s.io",), resources=("rolebindings", "roles"), verbs=READ),
    Permission(api_groups=("resource.k8s.io",), resources=("resourceclaims", "resourceclaimtemplates"), verbs=READ),
)
"""What a `viewer` sees: everything ordinary, and no Secret."""

OPERATE = (
    Permission(resources=("configmaps", "pods", "services"), verbs=WRITE),
    Permission(resources=("pods/eviction",), verbs=("create",)),
    Permission(api_groups=("apps",), resources=WORKLOADS, verbs=WRITE),
    Permission(api_groups=("apps",), resources=("deployments/scale", "statefulsets/scale"), verbs=("get", "patch", "update")),
    Permission(api_groups=("autoscaling",), resources=("horizontalpodautoscalers",), verbs=WRITE),
    Permission(api_groups=("batch",), resources=("cronjobs", "jobs"), verbs=WRITE),
    Permission(api_groups=("policy",), resources=("poddisruptionbudgets",), verbs=WRITE),
)
"""What an `operator` does beside: run workloads. Volume claims are the deployer's, since they are data, and Secrets are nobody's."""

STEWARD = (
    Permission(resources=("configmaps",), verbs=WRITE),
    Permission(api_groups=("batch",), resources=("cronjobs", "jobs"), verbs=WRITE),
)
"""What a `data-steward` does beside: run the jobs that load, check and erase data. No pods by hand, no services."""

ENGINEER = (
    Permission(resources=("configmaps",), verbs=WRITE),
    Permission(resources=("pods",), verbs=("delete",)),
    Permission(api_groups=("batch",), resources=("jobs",), verbs=WRITE),
    Permission(api_groups=("kueue.x-k8s.io",), resources=("workloads",), verbs=("patch", "update")),
)
"""What an `ml-engineer` does beside: start, stop and suspend experiments. Nothing that listens, nothing that recurs."""

REVIEW = (
    Permission(
        resources=("events", "limitranges", "pods", "pods/status", "resourcequotas", "serviceaccounts", "services"),
        verbs=READ,
    ),
    Permission(api_groups=("apps",), resources=WORKLOADS, verbs=READ),
    Permission(api_groups=("batch",), resources=("cronjobs", "jobs"), verbs=READ),
    Permission(api_groups=("events.k8s.io",), resources=("events",), verbs=READ),
    Permission(api_groups=("networking.k8s.io",), resources=("networkpolicies",), verbs=READ),
    Permission(api_groups=("rbac.authorization.k8s.io",), resources=("rolebindings", "roles"), verbs=READ),
)
"""What a `security-reviewer` sees: how a segment is built and who holds what. No logs and no ConfigMaps, in which data may be."""

BUILT_IN = {
    VIEWER: VIEW,
    OPERATOR: VIEW + OPERATE,
    DATA_STEWARD: VIEW + STEWARD,
    ML_ENGINEER: VIEW + ENGINEER,
    DEBUGGER: VIEW,
    SECURITY_REVIEWER: REVIEW,
    BREAK_GLASS: VIEW + OPERATE,
}
"""RBAC rules of each role, without those of its sessions."""

SESSIONS: dict[str, tuple[Session, ...]] = {DEBUGGER: tuple(Session), BREAK_GLASS: tuple(Session)}
"""Ways into running pods that built-in roles open; the others open none."""

STAGES: dict[str, tuple[Stage, ...]] = {
    DATA_STEWARD: (Stage.INGESTION, Stage.TRAINING, Stage.VALIDATION),
    ML_ENGINEER: (Stage.TRAINING, Stage.VALIDATION),
}
"""Stages in which a built-in role may be held; those not named here, in all. Data is looked after where it is collected and used to train
and to judge, never beside a served model; experiments are not run where data comes in or where models are served."""

OPENS = {
    # `get` is how clients before Kubernetes 1.35 open a WebSocket.
    Session.ATTACH: Permission(resources=("pods/attach",), verbs=("create", "get")),
    Session.EPHEMERAL_CONTAINER: Permission(resources=("pods/ephemeralcontainers",), verbs=("patch", "update")),
    Session.EXEC: Permission(resources=("pods/exec",), verbs=("create", "get")),
    Session.PORT_FORWARD: Permission(resources=("pods/portforward",), verbs=("create", "get")),
}
"""What each session asks of RBAC. ZG05 asks for the session itself."""


def permissions(factory: Factory) -> dict[str, tuple[Permission, ...]]:
    """RBAC rules of each role that there is, by name, without those of its sessions."""
    return BUILT_IN | {role.name: role.permissions for role in factory.roles}


def sessions(factory: Factory, role: str) -> tuple[Session, ...]:
    """Ways into running pods that a role opens; none where there is no such role."""
    return (SESSIONS | {own.name: own.sessions for own in factory.roles}).get(role, ())


def stages(factory: Factory, role: str) -> tuple[Stage, ...]:
    """Stages in which a role may be held."""
    own = any(own.name == role for own in factory.roles)
    return tuple(Stage) if own else STAGES.get(role, tuple(Stage))
