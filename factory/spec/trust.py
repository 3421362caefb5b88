"""Where trust begins: the root certificate authority."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .concept import ONE_CERTIFICATE, Concept, Duration

Pem = Annotated[str, StringConstraints(pattern=ONE_CERTIFICATE, max_length=8192)]
"""One PEM certificate and nothing beside it: a key that was pasted along is refused before anything sees it."""


class BootstrapRoot(Concept):
    """A root made by pulumi-tls in a small stack of its own. Development only: its key is in that stack's state, encrypted."""

    kind: Literal["Bootstrap"]
    certificate: Pem | None = None
    """The root certificate in use, as the stack of the root gives it. Absent until that stack is up: segments then get no trust bundle."""
    next: Pem | None = None
    """The root that follows it. While both are named, both are trusted."""
    life: Duration = "8760h"
    """How long a root certificate is good."""


class ExternalRoot(Concept):
    """The organisation's own root: offline, and never seen by the factory, which says what it has to sign and how."""

    kind: Literal["External"]
    certificate: Pem
    """The root certificate in use."""
    next: Pem | None = None
    """The root that follows it. While both are named, both are trusted."""


AnyRoot = Annotated[BootstrapRoot | ExternalRoot, Field(discriminator="kind")]
"""A root, told apart by its `kind`."""
