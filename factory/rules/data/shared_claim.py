"""Datasets behind one claim."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT212",
    "A dataset has a claim name of its own",
    why="Admission grants data by the name of its PersistentVolumeClaim. With two datasets behind one name, who may mount the first "
    "mounts the second.",
    fix="Give each dataset its own `claim`.",
    references=(controls.TENET_1, controls.TENET_3),
)
def find_shared_claims(factory: Factory) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for dataset in sorted(factory.datasets, key=lambda dataset: (dataset.claim is not None, dataset.name)):
        name = first.setdefault(dataset.claim_name, dataset.name)
        if name != dataset.name:
            yield Problem(f"datasets[{dataset.name}].claim", f"is also that of dataset {name}", dataset.claim_name)
