"""Queues: who gets a pool's GPUs first (Kueue)."""

from __future__ import annotations

from pydantic import Field

from .concept import Concept, Count, Cpu, Memory, Name


class Share(Concept):
    """What a queue may use of one pool."""

    pool: Name
    """The pool."""
    gpu: Count
    """GPUs or MIG slices."""
    cpu: Cpu
    """CPU that goes with them."""
    memory: Memory
    """Memory that goes with them."""
    borrows: Count = 0
    """GPUs that it may borrow from queues of the same cohort while they are idle."""


class Queue(Concept):
    """A Kueue ClusterQueue over pools, with one LocalQueue in each of its segments."""

    name: Name
    """Its name: the LocalQueue in each segment bears it too."""
    segments: tuple[Name, ...] = Field(min_length=1)
    """The segments whose jobs it admits."""
    shares: tuple[Share, ...] = Field(min_length=1)
    """What it may use of each pool."""
    cohort: Name | None = None
    """The cohort within which idle GPUs are lent. Absent: none is lent or borrowed."""
