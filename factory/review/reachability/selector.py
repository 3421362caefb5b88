"""Label selectors, answered from an index of labels instead of by asking every object.

Semantics: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors. Requirements are ANDed, an empty
selector selects everything, and `NotIn` and `DoesNotExist` hold for objects that lack the key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple


class NotUnderstoodError(Exception):
    """Something in a policy that cannot be judged exactly; `place` is the field's path below the object."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place = place


class Requirement(NamedTuple):
    key: str
    operator: str
    values: tuple[str, ...] = ()


Requirements = tuple[Requirement, ...]
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def parse_selector(selector: Any, place: str) -> Requirements:
    """The requirements of a `LabelSelector`. Raises NotUnderstoodError for anything that the API server would refuse."""
    if not isinstance(selector, Mapping):
        raise NotUnderstoodError(place, f"expected a label selector, got {selector!r}")
    for key in selector:
        if key not in ("matchLabels", "matchExpressions"):
            raise NotUnderstoodError(f"{place}.{key}", "a label selector has only matchLabels and matchExpressions")
    found = [Requirement(key, "In", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for i, expression in enumerate(selector.get("matchExpressions") or ()):
        operator, values = expression.get("operator"), tuple(expression.get("values") or ())
        if operator not in OPERATORS:
            raise NotUnderstoodError(f"{place}.matchExpressions[{i}].operator", f"{operator!r} is not one of {', '.join(OPERATORS)}")
        if bool(values) != (operator in ("In", "NotIn")):
            raise NotUnderstoodError(f"{place}.matchExpressions[{i}].values", f"{operator} takes {'no' if values else 'some'} values")
        found.append(Requirement(expression["key"], operator, values))
    return tuple(found)


class LabelIndex:
    """Which members, as bits of one integer, carry which labels."""

    def __init__(self) -> None:
        self._pairs: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._keys: defaultdict[str, int] = defaultdict(int)

    def add(self, members: int, labels: Mapping[str, str]) -> None:
        for key, value in labels.items():
            self._pairs[key, value] |= members
            self._keys[key] |= members

    def select(self, requirements: Requirements, among: int) -> int:
        """The members of `among` that meet every requirement."""
        for key, operator, values in requirements:
            if operator == "Exists":
                among &= self._keys.get(key, 0)
            elif operator == "DoesNotExist":
                among &= ~self._keys.get(key, 0)
            else:
                having = 0
                for value in values:
                    having |= self._pairs.get((key, value), 0)
                among &= having if operator == "In" else ~having
        return among
