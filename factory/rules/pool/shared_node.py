"""Nodes in two pools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, StaticPool


@rule(
    "ZT311",
    "A node belongs to one pool",
    why="A node's taints are one list with one owner: the second pool's patch takes the first one's taint away, and its pods move in.",
    fix="Take the node out of one pool.",
    references=(controls.TENET_3,),
    waivable=False,
)
def find_shared_nodes(factory: Factory) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for pool in sorted(factory.pools, key=lambda pool: pool.name):
        if isinstance(pool, StaticPool):
            shared: dict[str, list[str]] = defaultdict(list)
            for node in pool.nodes.expanded:
                other = first.setdefault(node, pool.name)
                if other != pool.name:
                    shared[other].append(node)
            if shared:
                others = " and of ".join(f"{other}: {listed(nodes)}" for other, nodes in sorted(shared.items()))
                yield Problem(f"pools[{pool.name}].nodes.names", f"has nodes of pool {others}")
