"""OpenBao with one member."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, OpenBao


@rule(
    "ZT722",
    "OpenBao has more than one member",
    why="With one member each of its restarts stops whatever seals or opens, and its volume is the only copy of every key.",
    fix="Ask for three members, or five.",
    references=(controls.TENET_5, controls.CIS_SECRETS),
    severity=REFUSED_IN_PRODUCTION,
)
def find_lonely_vaults(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    if vault.replicas == 1:
        yield Problem("keys.vault.replicas", "leaves nobody when its one member restarts", "1", "3 or 5")
