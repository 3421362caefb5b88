"""References to segments."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import DistributionRegistry, Factory, KeycloakProvider, OpenBao

from .dangling import dangling


@rule(
    "ZT011",
    "A segment that is referred to exists",
    why="Whatever is granted to a segment that does not exist is granted to whoever declares it later.",
    fix="Declare the segment, or correct the name.",
    references=(controls.TENET_1, controls.CIS_NAMESPACES),
    waivable=False,
)
def find_dangling_segments(factory: Factory) -> Iterator[Problem]:
    known = factory.segment
    for workload in factory.workloads:
        if workload.segment not in known:
            yield dangling(f"workloads[{workload.reference}].segment", "segments", workload.segment, known)
    for dataset in factory.datasets:
        if dataset.segment not in known:
            yield dangling(f"datasets[{dataset.name}].segment", "segments", dataset.segment, known)
    for provider in factory.providers:
        if isinstance(provider, KeycloakProvider) and provider.segment not in known:
            yield dangling(f"identity.people.providers[{provider.name}].segment", "segments", provider.segment, known)
    if factory.keys and isinstance(vault := factory.keys.vault, OpenBao) and vault.segment not in known:
        yield dangling("keys.vault.segment", "segments", vault.segment, known)
    if isinstance(registry := factory.registry, DistributionRegistry) and registry.segment not in known:
        yield dangling("registry.segment", "segments", registry.segment, known)
    for grant in factory.grants:
        if grant.segment not in known:
            yield dangling(f"grants[{grant.reference}].segment", "segments", grant.segment, known)
    granted = [
        *((f"pools[{pool.name}]", pool.segments) for pool in factory.pools),
        *((f"queues[{queue.name}]", queue.segments) for queue in factory.queues),
        *((f"access[{access.reference}]", access.segments) for access in factory.access),
        *((f"eligibility[{eligibility.reference}]", eligibility.segments) for eligibility in factory.eligibility),
    ]
    for path, segments in granted:
        for segment in segments:
            if segment not in known:
                yield dangling(f"{path}.segments[{segment}]", "segments", segment, known)
