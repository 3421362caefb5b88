"""Where sensitive data is, and who touches it."""

from __future__ import annotations

from collections import defaultdict

from factory.spec import Dataset, Factory, Workload


def touched(factory: Factory, workload: Workload) -> list[Dataset]:
    """The sensitive datasets that a workload may mount, by name. Writing includes reading."""
    if not workload.reads and not workload.writes:
        return []
    datasets = (factory.dataset[name] for name in sorted({*workload.reads, *workload.writes}))
    return [dataset for dataset in datasets if dataset.classification.sensitive]


def held(factory: Factory) -> dict[str, list[Dataset]]:
    """The sensitive datasets of each segment that holds some."""
    segments: dict[str, list[Dataset]] = defaultdict(list)
    for dataset in sorted(factory.datasets, key=lambda dataset: dataset.name):
        if dataset.classification.sensitive:
            segments[dataset.segment].append(dataset)
    return dict(segments)


def in_words(datasets: list[Dataset]) -> str:
    """`claims (Confidential) and cards (Restricted)`."""
    return " and ".join(f"{dataset.name} ({dataset.classification})" for dataset in datasets)
