"""Models that lie elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT741",
    "A model lies in the factory's registry",
    why="Where a repository is elsewhere, none of what guards the registry guards the model: neither who may push and pull, nor that "
    "nobody deletes.",
    fix="Copy the model into the registry, and name it by the registry's `host`.",
    references=(controls.TENET_1, controls.SUPPLY_CHAIN),
)
def find_foreign_repositories(factory: Factory) -> Iterator[Problem]:
    if factory.registry is None:
        return
    host = factory.registry.host
    for model in factory.models:
        if model.repository.partition("/")[0].partition(":")[0] != host:
            yield Problem(f"models[{model.name}].repository", "is in another registry", model.repository, f"{host}/…")
