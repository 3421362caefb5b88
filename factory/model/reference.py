"""How a person names one version of a model: `fraud@sha256:…`, or `fraud:1.4.0` where looking is enough."""

from __future__ import annotations

import re
from dataclasses import dataclass

from factory.errors import did_you_mean, listed
from factory.spec import Factory, Model

from .errors import ModelError
from .registry import Repository

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
"""A tag (distribution-spec)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A model of the spec, and which version of it."""

    model: Model
    version: str
    """A tag or a digest."""

    @property
    def pinned(self) -> bool:
        """Whether it says so by digest."""
        return DIGEST.fullmatch(self.version) is not None

    def digest(self, repository: Repository) -> str:
        """The digest that it stands for. Raises ModelError: there is none."""
        found = repository.manifest(self.version)
        if found is None:
            versions = listed(tag for tag in repository.tags() if not tag.startswith("sha256-"))
            raise ModelError(f"{self.model.repository} has no {self.version}; versions there: {versions}.")
        return found[1]


def find_model(factory: Factory, name: str) -> Model:
    """The model of a name. Raises ModelError."""
    if name not in factory.model:
        hint = did_you_mean(name, factory.model) or "Name one of them."
        raise ModelError(f'"{name}" is not a model of this factory; there are: {listed(factory.model)}. {hint}')
    return factory.model[name]


def read_reference(factory: Factory, text: str) -> Reference:
    """What `fraud@sha256:…` or `fraud:1.4.0` names. Raises ModelError."""
    name, separator, digest = text.partition("@")
    if separator:
        if not DIGEST.fullmatch(digest):
            raise ModelError(
                f'"{text}" does not end in a digest. Write {name or "fraud"}@sha256: and 64 hex digits; factory model list shows them.'
            )
        return Reference(find_model(factory, name), digest)
    name, separator, tag = text.partition(":")
    model = find_model(factory, name)
    if not separator or not VERSION.fullmatch(tag):
        raise ModelError(
            f'"{text}" names no version. Write {name}@sha256:… (or {name}:1.4.0, to look at it); factory model list shows them.'
        )
    return Reference(model, tag)


def pinned(factory: Factory, text: str) -> Reference:
    """What a digest names: whoever signs must say exactly what. Raises ModelError: not by digest."""
    found = read_reference(factory, text)
    if not found.pinned:
        raise ModelError(
            f'"{text}" is a tag, and a tag can be moved: what is signed is named by its digest. '
            f"Find it with: factory model list STACK {found.model.name}"
        )
    return found
