"""Machine images that change under their name."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, KarpenterPool


@rule(
    "ZT506",
    "Nodes boot a machine image of a fixed version",
    why="With `latest` a node that is replaced tonight boots what was published today: nobody has seen it run, and no two nodes are alike.",
    fix="Write the version, such as `al2023@v20261015`.",
    references=(controls.TENET_5, controls.SUPPLY_CHAIN),
    severity=REFUSED_IN_PRODUCTION,
)
def find_latest_amis(factory: Factory) -> Iterator[Problem]:
    for pool in factory.pools:
        if isinstance(pool, KarpenterPool) and pool.node_class.ami_alias.endswith("@latest"):
            yield Problem(f"pools[{pool.name}].nodeClass.amiAlias", "has no fixed version", pool.node_class.ami_alias)
