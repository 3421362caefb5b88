"""Lists that say the same thing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT020",
    "A list names each thing once",
    why="A grant that stands twice is removed once and still holds.",
    fix="Remove one of them.",
    references=(controls.TENET_1,),
    waivable=False,
)
def find_repeated_references(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        for field in ("reads", "writes", "produces", "serves", "images"):
            if len(names := getattr(workload, field)) > 1:
                yield from _repeated(f"workloads[{workload.reference}].{field}", names)
    for pool in factory.pools:
        yield from _repeated(f"pools[{pool.name}].segments", pool.segments)
    for queue in factory.queues:
        yield from _repeated(f"queues[{queue.name}].segments", queue.segments)
    for access in factory.access:
        yield from _repeated(f"access[{access.reference}].segments", access.segments)
    for eligibility in factory.eligibility:
        yield from _repeated(f"eligibility[{eligibility.reference}].segments", eligibility.segments)
    for model in factory.models:
        yield from _repeated(f"models[{model.name}].signers", model.signers)
        yield from _repeated(f"models[{model.name}].validators", model.validators)
    yield from _repeated("images.registries", factory.images.registries)
    yield from _repeated("images.signers", factory.images.signers)
    if factory.workload_identity:
        yield from _repeated("identity.workloads.audiences", factory.workload_identity.audiences)


def _repeated(path: str, names: tuple[str, ...]) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(f"{path}[{name}]", f"stands there {count} times")
