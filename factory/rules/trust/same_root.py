"""Rotations that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .roots import certificates


@rule(
    "ZT704",
    "The next root has another key",
    why="A root is rotated so that an old key ends. With the same key, whoever has copied the old one has the new one too.",
    fix="Have the next root made with a new key, or remove `next`: programs want no certificate twice.",
    references=(controls.TENET_5, controls.CIS_SECRETS),
    waivable=False,
)
def find_same_roots(factory: Factory) -> Iterator[Problem]:
    from_path = dict(certificates(factory))
    current, following = from_path.get("keys.root.certificate"), from_path.get("keys.root.next")
    if current is None or following is None:
        return
    if current == following:
        yield Problem("keys.root.next", "is the root that is in use")
    elif current.public_key() == following.public_key():
        yield Problem("keys.root.next", "has the key of the root that is in use")
