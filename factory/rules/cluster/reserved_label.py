"""Labels that belong to others."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls, names
from factory.rules.rule import Problem, rule
from factory.spec import Factory

_RESERVED = ("kubernetes.io", "k8s.io", "cilium.io", names.DOMAIN)


@rule(
    "ZT510",
    "A segment's own labels stay out of reserved domains",
    why="`pod-security.kubernetes.io/enforce: privileged` as a label of one's own would undo the segment. The API server trusts such "
    "labels, and so does the factory.",
    fix="Use a domain of your own, such as `cost.helix.example/centre`.",
    references=(controls.PODS, controls.CIS_PODS, controls.CIS_NAMESPACES),
    waivable=False,
)
def find_reserved_labels(factory: Factory) -> Iterator[Problem]:
    for segment in factory.segments:
        for key in segment.labels:
            domain = key.rpartition("/")[0]
            if any(domain == reserved or domain.endswith(f".{reserved}") for reserved in _RESERVED):
                yield Problem(f"segments[{segment.name}].labels[{key}]", "is in a reserved domain", value=key)
