"""Label selectors (`metav1.LabelSelector`), with what is not understood taken as a match: here a match is what is reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def may_match(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a selector may choose an object with these labels. An absent or empty selector chooses everything."""
    if not isinstance(selector, Mapping):
        return True
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression.get("key", "")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return True
