"""What a command on models says when it cannot go on."""

from __future__ import annotations


class ModelError(Exception):
    """One clear error: what is wrong, with the value, and what to do about it. Never holds a secret."""
