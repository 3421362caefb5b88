"""Where trust begins: the root certificate authority."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .concept import CERTIFICATE, Concept, Duration

Pem = Annotated[str, StringConstraints(pattern=CERTIFICATE, max_length=16384)]
"""PEM certificates. They are public."""


class BootstrapRoot(Concept):
    """A root made by pulumi-tls in a small stack of its own. Development only: its key is in that stack's state, encrypted."""

    kind: Literal["Bootstrap"]
    life: Duration = "8760h"
    """How long its certificate is good."""


class ExternalRoot(Concept):
    """The organisation's own root: offline, and never seen by the factory, which emits signing requests for it."""

    kind: Literal["External"]
    certificate: Pem
    """The root certificate in use."""
    next: Pem | None = None
    """The root that follows it. While both are named, both are trusted."""


AnyRoot = Annotated[BootstrapRoot | ExternalRoot, Field(discriminator="kind")]
"""A root, told apart by its `kind`."""
