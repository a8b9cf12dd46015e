"""Exact sums of integers that merge in any order: arrays of counts and nanoseconds over a range of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIMIT = 1 << 62
_WORD = 32
_MASK = (1 << _WORD) - 1


@dataclass(slots=True, eq=False)
class Tally:
    """A table of exact sums, kept only over the range of rows that is in use.

    Rows are indexed from 0 to infinity (latency buckets, ticks, servers); the table holds rows ``first`` to
    ``first + len(low) - 1`` and every other row is zero. A sum is ``high * 2^32 + low``; `high` exists only
    once sums could leave 64 bits, so that ordinary runs add plain arrays.

    Attributes:
        first: index of the first row held.
        low: sums or their low parts, int64, shape (rows, columns).
        bound: no absolute value in `low` is larger.
        high: the high parts, same shape, or None.
    """

    first: int
    low: NDArray[np.int64]
    bound: int
    high: NDArray[np.int64] | None = None

    @classmethod
    def zeros(cls, rows: int, columns: int, first: int = 0) -> Self:
        """Return an empty tally that already holds the given rows."""
        return cls(first, np.zeros((rows, columns), np.int64), 0)

    @classmethod
    def of(cls, values: NDArray[np.int64], first: int = 0) -> Self:
        """Return a tally of the given sums, shape (rows, columns); the array is kept, not copied."""
        bound = max(abs(int(values.min())), abs(int(values.max()))) if values.size else 0
        return cls(first, values, bound)

    def copy(self) -> Tally:
        """Return a tally that shares nothing with this one."""
        high = None if self.high is None else self.high.copy()
        return Tally(self.first, self.low.copy(), self.bound, high)

    def absorb(self, other: Tally) -> None:
        """Add another tally to this one, in place; `other` is left as it was in value.

        Raises:
            ValueError: the tables differ in their number of columns.
        """
        if other.low.shape[1] != self.low.shape[1]:
            message = f"tally: expected {self.low.shape[1]} columns, found {other.low.shape[1]}"
            raise ValueError(message)
        if other.low.shape[0] == 0:
            return
        if self.bound + other.bound >= _LIMIT or other.high is not None:
            self._carry()
            other = other.copy()
            other._carry()  # noqa: SLF001 - the same class
        self._cover(other.first, other.first + other.low.shape[0])
        rows = slice(other.first - self.first, other.first - self.first + other.low.shape[0])
        self.low[rows] += other.low
        self.bound += other.bound
        if other.high is not None and self.high is not None:
            self.high[rows] += other.high

    def _carry(self) -> None:
        """Move all but the low 32 bits of each sum to `high`."""
        if self.high is None:
            self.high = np.zeros_like(self.low)
        self.high += self.low >> _WORD
        self.low = self.low & _MASK
        self.bound = _MASK

    def _cover(self, start: int, stop: int) -> None:
        """Make sure that the rows from `start` to `stop` are held."""
        held = self.low.shape[0]
        if held == 0:
            self.first = start
        if start >= self.first and stop <= self.first + held:
            return
        first = min(start, self.first)
        rows = max(stop, self.first + held) - first
        self.low = _spread(self.low, self.first - first, rows)
        if self.high is not None:
            self.high = _spread(self.high, self.first - first, rows)
        self.first = first

    def totals(self, start: int = 0) -> list[int]:
        """Return each column's exact sum over all rows with index ≥ `start`, as Python integers."""
        skip = max(start - self.first, 0)
        sums = _column_sums(self.low[skip:])
        if self.high is None:
            return sums
        return [(high << _WORD) + low for high, low in zip(_column_sums(self.high[skip:]), sums, strict=True)]

    def row(self, index: int) -> list[int]:
        """Return one row's exact sums as Python integers; a row that is not held is zero."""
        at = index - self.first
        if not 0 <= at < self.low.shape[0]:
            return [0] * self.low.shape[1]
        low = self.low[at].tolist()
        if self.high is None:
            return [int(value) for value in low]
        return [(high << _WORD) + value for high, value in zip(self.high[at].tolist(), low, strict=True)]

    def select(self, indexes: NDArray[np.intp]) -> Tally:
        """Return a tally of the given rows, renumbered from 0; all of them must be held."""
        at = indexes - self.first
        return Tally(0, self.low[at], self.bound, None if self.high is None else self.high[at])

    def floats(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the rows `start` to `stop` - 1 rounded to float64, shape (stop - start, columns)."""
        table = np.zeros((stop - start, self.low.shape[1]), np.float64)
        left, right = max(start, self.first), min(stop, self.first + self.low.shape[0])
        if left < right:
            inner = slice(left - self.first, right - self.first)
            part = self.low[inner]
            if self.high is None:
                table[left - start : right - start] = part
            else:  # carried, so that the words have one sign and only their sum is rounded
                high = (self.high[inner] + (part >> _WORD)).astype(np.float64)
                table[left - start : right - start] = high * float(1 << _WORD) + (part & _MASK)
        return table

    def same(self, other: Tally) -> bool:
        """Tell whether both hold the same sums, whatever the rows and parts they are kept in."""
        start = min(self.first, other.first)
        stop = max(self.first + self.low.shape[0], other.first + other.low.shape[0])
        return all(self.row(index) == other.row(index) for index in range(start, stop))


def _spread(table: NDArray[np.int64], before: int, rows: int) -> NDArray[np.int64]:
    """Return a table of `rows` rows with the given one starting at row `before`."""
    wider = np.zeros((rows, table.shape[1]), np.int64)
    wider[before : before + table.shape[0]] = table
    return wider


def _column_sums(table: NDArray[np.int64]) -> list[int]:
    """Add up each column exactly: the halves of 64-bit numbers are added apart, fewer than 2^31 rows."""
    high = (table >> _WORD).sum(axis=0).tolist()
    low = (table & _MASK).sum(axis=0).tolist()
    return [(int(top) << _WORD) + int(bottom) for top, bottom in zip(high, low, strict=True)]
