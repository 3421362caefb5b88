"""Peers that are whole namespaces."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT111",
    "A peer in the cluster is named by its pods' labels",
    why="Without labels every pod of that namespace is the peer: the one that you mean, and the one that somebody starts there tomorrow.",
    fix="Add `podLabels` that only the peer's pods carry.",
    references=(controls.TENET_3, controls.NETWORK, controls.CIS_NETWORK),
)
def find_whole_namespaces(factory: Factory) -> Iterator[Problem]:
    for peer in factory.peers:
        if peer.namespace is not None and not peer.pod_labels:
            yield Problem(f"peers[{peer.name}].podLabels", "is missing, so that every pod of the namespace is meant", value=peer.namespace)
