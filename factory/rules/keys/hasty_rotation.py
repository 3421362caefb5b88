"""Keys that rotate too fast."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, seconds


@rule(
    "ZT726",
    "A key is rotated no oftener than each hour",
    why="OpenBao refuses a shorter `auto_rotate_period`, and a self-initialisation that fails once has failed for good on that storage.",
    fix="Give `keys.rotation` at least an hour.",
    references=(controls.CIS_SECRETS,),
    waivable=False,
)
def find_hasty_rotations(factory: Factory) -> Iterator[Problem]:
    if factory.keys and seconds(factory.keys.rotation) < 3600:
        yield Problem("keys.rotation", "is less than an hour", factory.keys.rotation, '"1h" or more')
