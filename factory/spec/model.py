"""Models: weights in a registry, with an explicit list of who makes and who serves them."""

from __future__ import annotations

from .concept import Concept, Name, Repository


class Model(Concept):
    """An OCI artifact repository that holds the weights of one model. Pods mount it as an image volume, by digest."""

    name: Name
    """Its name, which `produces` and `serves` refer to."""
    repository: Repository
    """Where its artifacts are, without tag or digest. No two models share one."""
    signers: tuple[Name, ...] = ()
    """Whose signature it needs wherever it is mounted: one of these is enough."""
    validators: tuple[Name, ...] = ()
    """Signers whose validation it needs where it is served in Inference: one of these is enough. None of them may be the workload that
    produces it."""
    imported: bool = False
    """Whether it comes from outside: a model that no workload produces must say so."""
