"""Container images: where they may come from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from .concept import REGISTRY, Concept, Name


class Images(Concept):
    """What the pods of all segments may run."""

    registries: tuple[Annotated[str, StringConstraints(pattern=REGISTRY, max_length=255)], ...] = Field(min_length=1)
    """Registries, or paths in them, each ending in "/": an image must start with one of these."""
    digests: bool | None = None
    """Whether an image must be named by digest. Default: yes in Production, no in Development."""
    signers: tuple[Name, ...] = ()
    """Whose signature an image needs: one of these is enough. Absent: images need none."""
