"""Root certificates that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .roots import unreadable


@rule(
    "ZT701",
    "A root certificate can be read",
    why="Programs that mount the trust bundle would refuse to start, or would trust nobody, in every segment at once.",
    fix="Copy the certificate again, whole: `openssl x509 -in FILE` prints it as it must be.",
    references=(controls.TENET_2,),
    waivable=False,
)
def find_unreadable_roots(factory: Factory) -> Iterator[Problem]:
    for path in unreadable(factory):
        yield Problem(path, "is not a certificate, though it looks like one")
