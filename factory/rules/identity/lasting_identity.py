"""Identities of workloads that outlive what they prove, or end before they can be renewed."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, seconds

SVID, TOKEN = ("5m", "24h"), ("1m", "1h")
"""Shortest and longest. An agent asks for changes every five seconds and renews an SVID at half of its life: shorter ones are a load."""


@rule(
    "ZT630",
    "A workload's identity lives for minutes or hours, not for days",
    why="An SVID cannot be called back: whoever copies one from a pod is that workload until it ends.",
    fix="Choose a life within the bounds: SPIRE renews it at half of it, and workloads notice nothing.",
    references=(controls.TENET_3, controls.TENET_6),
)
def find_lasting_identities(factory: Factory) -> Iterator[Problem]:
    if factory.workload_identity is None:
        return
    spire = factory.workload_identity.spire
    for field, life, (shortest, longest) in (("svidLife", spire.svid_life, SVID), ("tokenLife", spire.token_life, TOKEN)):
        if not seconds(shortest) <= seconds(life) <= seconds(longest):
            word = "shorter" if seconds(life) < seconds(shortest) else "longer"
            yield Problem(f"identity.workloads.spire.{field}", f"is {word} than that", life, f"{shortest} to {longest}")
