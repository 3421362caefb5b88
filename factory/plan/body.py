"""How every planned object begins: named, labelled with its factory, and annotated with its reason."""

from __future__ import annotations

from typing import Any

from . import names
from .manifest import Because, Body


def body(
    api_version: str,
    kind: str,
    name: str,
    because: Because,
    *,
    factory: str,
    namespace: str | None = None,
    labels: dict[str, str] | None = None,
    **content: Any,
) -> Body:
    """A Kubernetes object of a factory. `content` is everything beside `metadata`, by its camelCase key."""
    metadata: Body = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    metadata["labels"] = {names.FACTORY: factory, **labels} if labels else {names.FACTORY: factory}
    metadata["annotations"] = {names.BECAUSE: f"{because.path}: {because.reason}"}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
