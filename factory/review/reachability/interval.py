"""Sets of whole numbers as sorted, disjoint, inclusive ranges: the algebra under ports and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Span = tuple[int, int]


class Intervals:
    """An immutable set of whole numbers. `a | b`, `a & b`, `a - b`, `n in a`, `a <= b` mean what they mean for `frozenset`."""

    __slots__ = ("_hash", "spans")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        """`spans` are inclusive `(low, high)` pairs in any order; overlapping and adjacent ones are joined, empty ones dropped."""
        joined: list[Span] = []
        for low, high in sorted(spans):
            if low > high:
                continue
            if joined and low <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(joined[-1][1], high))
            else:
                joined.append((low, high))
        self.spans: tuple[Span, ...] = tuple(joined)
        self._hash = hash(self.spans)

    def __or__(self, other: Intervals) -> Intervals:
        if not other.spans or self.spans == other.spans:
            return self
        return Intervals(self.spans + other.spans) if self.spans else other

    def __and__(self, other: Intervals) -> Intervals:
        if self.spans == other.spans or not self.spans:
            return self
        both, i, j = [], 0, 0
        mine, theirs = self.spans, other.spans
        while i < len(mine) and j < len(theirs):
            low, high = max(mine[i][0], theirs[j][0]), min(mine[i][1], theirs[j][1])
            if low <= high:
                both.append((low, high))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return Intervals(both)

    def __sub__(self, other: Intervals) -> Intervals:
        if not self.spans or not other.spans:
            return self
        left: list[Span] = []
        for low, high in self.spans:
            for cut_low, cut_high in other.spans:
                if cut_high < low:
                    continue
                if cut_low > high:
                    break
                if low < cut_low:
                    left.append((low, cut_low - 1))
                low = cut_high + 1
            if low <= high:
                left.append((low, high))
        return Intervals(left)

    def __contains__(self, number: int) -> bool:
        return any(low <= number <= high for low, high in self.spans)

    def __le__(self, other: Intervals) -> bool:
        return not (self - other)

    def __ge__(self, other: Intervals) -> bool:
        return not (other - self)

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(self.spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intervals) and self.spans == other.spans

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Intervals({list(self.spans)})"


NOTHING = Intervals()
