"""Public ranges that do not say so."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory, is_public


@rule(
    "ZT107",
    "A peer with public addresses says that it is the internet",
    why="A reviewer looks for `internet: true`, not for the difference between 172.31.0.0/16 and 172.32.0.0/16.",
    fix="Add `internet: true`, or narrow the range to private addresses.",
    references=(controls.TENET_2, controls.NETWORK),
    severity=REFUSED_IN_PRODUCTION,
)
def find_undeclared_internet(factory: Factory) -> Iterator[Problem]:
    for peer in factory.peers:
        if peer.cidr is not None and is_public(peer.cidr) and not peer.internet:
            yield Problem(f"peers[{peer.name}].internet", "is not set, while the range has public addresses", value=peer.cidr)
