"""Static policies where they cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Distribution, Factory


@rule(
    "ZT508",
    "Static policies need a control plane of your own, 1.36 or newer",
    why="They are files on the API server's disk (KEP-5793): a managed control plane takes none, and an older one ignores them, so that "
    "they guard nothing.",
    fix="Remove `cluster.staticPolicies`, or use `SelfManaged` with Kubernetes 1.36 or newer.",
    references=(controls.CIS_ADMISSION,),
    waivable=False,
)
def find_static_policy_versions(factory: Factory) -> Iterator[Problem]:
    cluster = factory.cluster
    if cluster.static_policies and cluster.distribution is not Distribution.SELF_MANAGED:
        yield Problem("cluster.staticPolicies", f"is set, and {cluster.distribution} takes no control-plane files")
    elif cluster.static_policies and cluster.minor < 36:
        yield Problem("cluster.staticPolicies", f"needs Kubernetes 1.36, and the cluster has {cluster.version}")
