"""Kubernetes quantities, compared: the spec's own are written as patterns in `concept`."""

from __future__ import annotations

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}


def millicores(quantity: str) -> int:
    """`"1.5"` and `"1500m"` are both 1500."""
    return int(quantity[:-1]) if quantity.endswith("m") else round(float(quantity) * 1000)


def memory_bytes(quantity: str) -> int:
    """`"2Ti"` is 2199023255552."""
    return int(quantity[:-2]) * _UNITS[quantity[-2:]]
