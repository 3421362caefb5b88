"""Egress to the cloud's metadata address."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import METADATA, Factory, within

_HOSTS = ("metadata.google.internal", "instance-data.ec2.internal")
_LINK = ("169.254.0.0/16", "fd00:ec2::/32")
"""Ranges in which nothing but the cloud's own services lives: wider ones get a hole instead."""


@rule(
    "ZT110",
    "Nothing may call the cloud's metadata address",
    why="It hands the node's own cloud credentials to whoever asks. The plan cuts it out of every range; a range that is nothing else "
    "cannot be planned.",
    fix="Remove it. A workload that needs cloud credentials exchanges its own token for them.",
    references=(controls.TENET_6, controls.NETWORK),
    waivable=False,
)
def find_metadata_egress(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        for egress in workload.egress:
            if _is_metadata(egress.cidr, egress.host):
                yield Problem(f"workloads[{workload.reference}].egress[{egress.reference}]", "leads to the cloud's metadata address")
    for peer in factory.peers:
        if _is_metadata(peer.cidr, None):
            yield Problem(f"peers[{peer.name}].cidr", "is the cloud's metadata address", peer.cidr)


def _is_metadata(cidr: str | None, host: str | None) -> bool:
    if host is not None:
        return host in _HOSTS
    return cidr is not None and within(cidr, *_LINK) and (within(cidr, *METADATA) or any(within(address, cidr) for address in METADATA))
