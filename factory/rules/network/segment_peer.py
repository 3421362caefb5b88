"""Peers that are the factory itself."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls, names
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT112",
    "A peer lives outside the factory's namespaces",
    why="A flow to such a peer reaches into a segment by label alone, past the workloads that are declared there.",
    fix='Name the workload as "segment/workload" in the flow instead.',
    references=(controls.TENET_3, controls.NETWORK),
    waivable=False,
)
def find_segment_peers(factory: Factory) -> Iterator[Problem]:
    namespaces = {names.namespace(factory.name, segment.name): segment.name for segment in factory.segments}
    for peer in factory.peers:
        if peer.namespace in namespaces:
            yield Problem(f"peers[{peer.name}].namespace", f"is the namespace of segment {namespaces[peer.namespace]}", peer.namespace)
