"""Roots whose key is in Pulumi's state, in Production."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import BootstrapRoot, Factory


@rule(
    "ZT700",
    "A root that pulumi-tls made is for Development",
    why="Its private key is in the state of a stack: whoever reads that state and its passphrase can be every server and every workload.",
    fix='Use the organisation\'s own root, of kind "External": its key stays offline, and the factory never sees it.',
    references=(controls.CIS_SECRETS, controls.TENET_6),
    waivable=False,
)
def find_bootstrap_roots(factory: Factory) -> Iterator[Problem]:
    if factory.production and factory.keys is not None and isinstance(factory.keys.root, BootstrapRoot):
        yield Problem("keys.root.kind", "has its key in Pulumi's state", "Bootstrap", "External")
