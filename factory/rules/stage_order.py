"""The order of the pipeline, and what stands where in it."""

from __future__ import annotations

from factory.spec import Factory, Stage

ORDER = (Stage.INGESTION, Stage.TRAINING, Stage.VALIDATION, Stage.INFERENCE)
"""The direction in which data moves. `Platform` stands beside it: every stage may call it, and it may call every stage."""
_RANK = {stage: rank for rank, stage in enumerate(ORDER)}


def stage_of(factory: Factory, workload: str) -> Stage:
    """The stage of a workload, by its reference."""
    return factory.segment[factory.workload[workload].segment].stage


def is_backward(source: Stage, to: Stage) -> bool:
    """Whether `to` comes before `source`: never true of Platform."""
    return source in _RANK and to in _RANK and _RANK[to] < _RANK[source]
