"""Container image references, taken apart."""

from __future__ import annotations


def tag_of(image: str) -> str | None:
    """The tag: `1.2` of `registry.helix.example/apps/server:1.2@sha256:…`, None where there is none."""
    _, colon, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return tag if colon else None
