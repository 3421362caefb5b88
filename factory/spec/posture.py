"""The one knob."""

from __future__ import annotations

from enum import StrEnum


class Posture(StrEnum):
    """`Production` refuses what `Development` warns about, and protects what it has built from deletion."""

    DEVELOPMENT = "Development"
    PRODUCTION = "Production"
