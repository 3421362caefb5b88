"""Egress to anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, is_public

_ALLOWED = "public ranges of /8 or longer (IPv6: /32), private ranges"


@rule(
    "ZT109",
    "Egress leads to named places, not to the internet as a whole",
    why="Whoever takes over a workload that may call any address has a way out for data and a way in for commands. Wide is a range with "
    "public addresses that is shorter than /8 (what IANA hands to a registry) or, in IPv6, than /32 (what a registry hands to a "
    "provider).",
    fix="List the ranges that it needs, send it through an egress proxy, or name hosts with `cluster.networkPolicy: Cilium`.",
    references=(controls.TENET_3, controls.NETWORK, controls.CIS_NETWORK),
)
def find_wide_egress(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        for egress in workload.egress:
            if egress.cidr is not None and _is_wide(egress.cidr):
                path = f"workloads[{workload.reference}].egress[{egress.reference}].cidr"
                yield Problem(path, "is as good as anywhere", egress.cidr, _ALLOWED)
    wide = {peer.name: peer.cidr for peer in factory.peers if peer.cidr is not None and _is_wide(peer.cidr)}
    for flow in factory.flows:
        if flow.to in wide:
            yield Problem(f"flows[{flow.reference}].to", "is as good as anywhere", wide[flow.to], _ALLOWED)


def _is_wide(cidr: str) -> bool:
    address, _, length = cidr.partition("/")
    return int(length) < (32 if ":" in address else 8) and is_public(cidr)
