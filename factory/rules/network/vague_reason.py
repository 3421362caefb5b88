"""Reasons that say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Factory

_WORD = re.compile(r"[^\W\d_]{4,}")
"""Shorter words carry no reason of their own."""
_EMPTY = re.compile(
    r"access|allow(ed)?|because|connect(ion|ivity)?|default|everything|fine|flow|from|have|just|misc|must|necessary|need(ed|s)?|network|other|"
    r"reasons?|request(ed)?|requir(e|ed|es)|some|something|stuff|temp(orary)?|test(ing)?|that|them|they|this|traffic|used?|want(ed)?|with|"
    r"works?"
)


@rule(
    "ZT114",
    "A reason says what for",
    why="The reason travels with every object into the cluster and the audit. In a year it is all that tells a needed hole from a "
    "forgotten one.",
    fix="Say what would stop working without it, and for whom.",
    references=(controls.TENET_7,),
    severity=WARNED,
)
def find_vague_reasons(factory: Factory) -> Iterator[Problem]:
    for path, reason in _reasons(factory):
        if all(_EMPTY.fullmatch(word) for word in _WORD.findall(reason.lower())):
            yield Problem(path, "says nothing", reason)


def _reasons(factory: Factory) -> Iterator[tuple[str, str]]:
    for flow in factory.flows:
        yield f"flows[{flow.reference}].because", flow.because
    for workload in factory.workloads:
        for egress in workload.egress:
            yield f"workloads[{workload.reference}].egress[{egress.reference}].because", egress.because
    for access in factory.access:
        yield f"access[{access.reference}].because", access.because
    for eligibility in factory.eligibility:
        yield f"eligibility[{eligibility.reference}].because", eligibility.because
    for grant in factory.grants:
        yield f"grants[{grant.reference}].reason", grant.reason
    for pool in factory.pools:
        if pool.sharing is not None:
            yield f"pools[{pool.name}].sharing", pool.sharing
    for waiver in factory.waivers:
        yield f"waivers[{waiver.reference}].reason", waiver.reason
