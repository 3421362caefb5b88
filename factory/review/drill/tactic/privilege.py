"""To have more of the node's kernel than a pod should."""

from __future__ import annotations

from typing import Any

from factory.review.drill.attack import POD_SECURITY, Attack, Tactic, Trial
from factory.review.drill.ground import Ground


def _container(ground: Ground, **security: Any) -> Trial:
    return ground.pod("Pod", ground.plain, containers=[ground.container(ground.plain, securityContext=security)])


def _pod(ground: Ground, **security: Any) -> Trial:
    return ground.pod("Pod", ground.plain, securityContext=security)


TACTIC = Tactic(
    "privilege",
    ("T1611", "T1610"),
    (
        Attack("a container is privileged", POD_SECURITY, lambda g: _container(g, privileged=True, allowPrivilegeEscalation=True)),
        Attack("a container may gain privileges", POD_SECURITY, lambda g: _container(g, allowPrivilegeEscalation=True)),
        Attack(
            "a container administers the system",
            POD_SECURITY,
            lambda g: _container(g, capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
        ),
        Attack("a container keeps its capabilities", POD_SECURITY, lambda g: _container(g, capabilities={"drop": None})),
        Attack("a pod runs as root", POD_SECURITY, lambda g: _pod(g, runAsNonRoot=False, runAsUser=0)),
        Attack("a pod may run as root", POD_SECURITY, lambda g: _pod(g, runAsNonRoot=None)),
        Attack("a pod calls the kernel unfiltered", POD_SECURITY, lambda g: _pod(g, seccompProfile={"type": "Unconfined"})),
        Attack("a container leaves AppArmor", POD_SECURITY, lambda g: _container(g, appArmorProfile={"type": "Unconfined"})),
        Attack("a pod sets kernel parameters", POD_SECURITY, lambda g: _pod(g, sysctls=[{"name": "kernel.msgmax", "value": "65536"}])),
        Attack("a pod chooses its SELinux type", POD_SECURITY, lambda g: _pod(g, seLinuxOptions={"type": "spc_t"})),
    ),
)
