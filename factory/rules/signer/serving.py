"""Who serves which model, where answers are given: in Inference."""

from __future__ import annotations

from collections import defaultdict

from factory.errors import listed
from factory.spec import Factory, Stage


def servers(factory: Factory) -> dict[str, str]:
    """The workloads of Inference segments that serve a model, in words, by the model's name."""
    found: dict[str, list[str]] = defaultdict(list)
    for workload in sorted(factory.workloads, key=lambda workload: workload.reference):
        if factory.segment[workload.segment].stage is Stage.INFERENCE:
            for name in workload.serves:
                found[name].append(workload.reference)
    return {name: listed(served) for name, served in sorted(found.items())}
