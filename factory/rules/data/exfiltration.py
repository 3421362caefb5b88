"""Workloads that can read sensitive data and call the internet."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.exposure import is_internet
from factory.rules.rule import Problem, rule
from factory.spec import Factory, is_public

from .sensitive import in_words, touched


@rule(
    "ZT202",
    "What reads sensitive data cannot call the internet",
    why="One compromised library is enough: it reads, and it sends. Data that is Confidential or Restricted leaves by a destination "
    "that someone once needed.",
    fix="Split the workload: one that reads, one that calls out, with a flow between them that carries no data; or call a private range.",
    references=(controls.TENET_1, controls.TENET_3, controls.NETWORK),
)
def find_exfiltration(factory: Factory) -> Iterator[Problem]:
    reading = {workload.reference: data for workload in factory.workloads if (data := touched(factory, workload))}
    for reference, data in reading.items():
        for egress in factory.workload[reference].egress:
            if egress.host is not None or (egress.cidr is not None and is_public(egress.cidr)):
                path = f"workloads[{reference}].egress[{egress.reference}]"
                yield Problem(path, f"lets what may read {in_words(data)} call the internet")
    internet = {peer.name for peer in factory.peers if is_internet(peer)}
    for flow in factory.flows:
        if flow.to in internet and flow.source in reading:
            yield Problem(f"flows[{flow.reference}]", f"lets what may read {in_words(reading[flow.source])} call the internet")
