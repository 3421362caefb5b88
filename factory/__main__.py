"""`python -m factory` is `factory`."""

from .cli import entry

entry()
