"""Two doors that open the bucket as one."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import DistributionRegistry, Factory


@rule(
    "ZT747",
    "Each door opens the bucket by a role of its own",
    why="A read door that could write is a write door without client certificates, kept shut by one line of its configuration.",
    fix="Make a second role that may only get and list, and name it in `readRole`.",
    references=(controls.TENET_3, controls.TENET_6),
)
def find_shared_store_roles(factory: Factory) -> Iterator[Problem]:
    registry = factory.registry
    if isinstance(registry, DistributionRegistry) and registry.s3 and registry.s3.read_role == registry.s3.write_role:
        yield Problem("registry.s3.readRole", "is also the `writeRole`", registry.s3.read_role)
