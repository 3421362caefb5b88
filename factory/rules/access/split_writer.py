"""Groups that write in segments of different owners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Access, Factory

from .power import may_write


@rule(
    "ZT401",
    "A group writes in the segments of one owner",
    why="Owners are the factory's separation of duties. A group that may change two of them is the bridge between them, for an attacker "
    "too.",
    fix="Give each owner's segments to a group of their own, or grant `viewer` for the others.",
    references=(controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
)
def find_split_writers(factory: Factory) -> Iterator[Problem]:
    power = may_write(factory)
    owners: dict[str, set[str]] = defaultdict(set)
    grants: dict[str, list[Access]] = defaultdict(list)
    for access in factory.access:
        if access.group is not None and power[access.role]:
            owners[access.group].update(factory.segment[name].owner for name in access.segments)
            grants[access.group].append(access)
    for group, theirs in owners.items():
        if len(theirs) > 1:
            for access in grants[group]:
                yield Problem(f"access[{access.reference}].segments", f"lets one group change what belongs to {listed(theirs)}")
