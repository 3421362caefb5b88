"""Names stand for one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT010",
    "A name stands for one thing",
    why="Grants are given by name. With two things of one name, a reviewer reads one of them and the cluster gets the other.",
    fix="Rename one, or merge them.",
    references=(controls.TENET_1,),
    waivable=False,
)
def find_duplicate_names(factory: Factory) -> Iterator[Problem]:
    for collection in ("segments", "datasets", "models", "peers", "pools", "queues", "roles", "signers"):
        yield from _repeated(collection, (item.name for item in getattr(factory, collection)))
    for collection in ("workloads", "flows", "access", "eligibility", "grants"):
        yield from _repeated(collection, (item.reference for item in getattr(factory, collection)))
    yield from _repeated("identity.people.providers", (provider.name for provider in factory.providers))
    if factory.workload_identity:
        federations = factory.workload_identity.spire.federations
        yield from _repeated("identity.workloads.spire.federations", (federation.trust_domain for federation in federations))
    for workload in factory.workloads:
        path = f"workloads[{workload.reference}]"
        if len(workload.listens) > 1:
            yield from _repeated(f"{path}.listens", (listener.name for listener in workload.listens))
        if len(workload.egress) > 1:
            yield from _repeated(f"{path}.egress", (egress.reference for egress in workload.egress))
    for peer in factory.peers:
        yield from _repeated(f"peers[{peer.name}].listens", (listener.name for listener in peer.listens))
    for queue in factory.queues:
        yield from _repeated(f"queues[{queue.name}].shares", (share.pool for share in queue.shares))


def _repeated(collection: str, names: Iterable[str]) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(f"{collection}[{name}]", f"is declared {count} times")
