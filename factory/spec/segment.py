"""Micro-segments: one namespace, one stage, one owner, deny by default."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from .concept import Concept, Count, Cpu, Labels, Memory, Name


class Stage(StrEnum):
    """A step of the AI pipeline, in the order in which data moves. `Platform` serves all of them."""

    INGESTION = "Ingestion"
    TRAINING = "Training"
    VALIDATION = "Validation"
    INFERENCE = "Inference"
    PLATFORM = "Platform"


class Quota(Concept):
    """The most that all pods of a segment may ask for together (a ResourceQuota). An absent field is not limited."""

    cpu: Cpu | None = None
    """Sum of CPU requests and of CPU limits."""
    memory: Memory | None = None
    """Sum of memory requests and of memory limits."""
    gpu: Count | None = None
    """Sum of whole GPUs or MIG slices, over all of the segment's pools."""
    pods: Count | None = None
    """Number of pods."""
    storage: Memory | None = None
    """Sum of what PersistentVolumeClaims ask for."""


class Limits(Concept):
    """What one container gets when it does not say, and the most that it may ask for (a LimitRange)."""

    default_cpu: Cpu = "500m"
    """CPU request and limit of a container that names none."""
    default_memory: Memory = "512Mi"
    """Memory request and limit of a container that names none."""
    max_cpu: Cpu | None = None
    """The most CPU that one container may ask for."""
    max_memory: Memory | None = None
    """The most memory that one container may ask for."""


class Segment(Concept):
    """One namespace with one stage and one owner, in which nothing may talk, mount or run that the spec does not grant."""

    name: Name
    """Its name in this spec; the namespace is `<factory>-<name>`."""
    stage: Stage
    """Its step of the pipeline. Flows may not run backwards through the stages."""
    owner: Name
    """The team that answers for it."""
    quota: Quota | None = None
    """The most that it may use. Absent: not limited, which rules refuse where a GPU pool is granted."""
    limits: Limits = Limits()
    """Defaults and maxima of one container."""
    labels: Labels = Field(default_factory=dict)
    """Labels of your own for the namespace. Keys of Kubernetes and of the factory are refused."""
