"""Models in one repository."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT208",
    "A model has a repository of its own",
    why="Admission grants weights by repository. With two models in one, who may mount the first may mount the second.",
    fix="Give each model its own repository.",
    references=(controls.TENET_3, controls.SUPPLY_CHAIN),
)
def find_shared_repositories(factory: Factory) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for model in sorted(factory.models, key=lambda model: model.name):
        name = first.setdefault(model.repository, model.name)
        if name != model.name:
            yield Problem(f"models[{model.name}].repository", f"is also that of model {name}", model.repository)
