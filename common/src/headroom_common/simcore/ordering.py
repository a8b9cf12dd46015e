"""Sorting of rows by (time, id), for columns that are nearly sorted already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from headroom_common.simcore.jit import INTS, called, index, inlined, kernel

if TYPE_CHECKING:
    from headroom_common.simcore.tables import Ints

_DIGIT_BITS: Final = 11
_DIGITS: Final = 1 << _DIGIT_BITS
_MOVES_PER_ROW: Final = 12
_KEY_BITS: Final = 62


@inlined
def _insert_sorted(keys: Ints, budget: int) -> bool:
    """Insertion sort; gives up (False) when it has moved more than `budget` keys."""
    for position in range(1, keys.shape[0]):
        key = keys[position]
        gap = position
        while gap > 0 and keys[index(gap - 1)] > key:
            keys[index(gap)] = keys[index(gap - 1)]
            gap = gap - 1
        keys[index(gap)] = key
        budget = budget - (position - gap)
        if budget < 0:
            return False
    return True


@called
def _radix_sorted(keys: Ints, shift: int, high: int) -> None:
    """Least-significant-digit radix sort of keys up to `high` by their bits from `shift` on."""
    count = keys.shape[0]
    scratch = np.empty(count, np.int64)
    tally = np.zeros(_DIGITS, np.int64)
    while high >> shift > 0:
        tally[:] = 0
        for key in keys:
            tally[(key >> shift) & (_DIGITS - 1)] += 1
        total = 0
        for digit in range(_DIGITS):
            here = tally[digit]
            tally[digit] = total
            total = total + here
        for key in keys:
            digit = (key >> shift) & (_DIGITS - 1)
            scratch[tally[digit]] = key
            tally[digit] += 1
        keys[:] = scratch
        shift = shift + _DIGIT_BITS


@called
def _settle_ties(times: Ints, ids: Ints, order: Ints) -> None:
    """Put rows of equal time, neighbours already, in order of id."""
    for position in range(1, order.shape[0]):
        row = order[position]
        gap = position
        while gap > 0 and times[order[gap - 1]] == times[row] and ids[order[gap - 1]] > ids[row]:
            order[gap] = order[gap - 1]
            gap = gap - 1
        order[gap] = row


@called
def _order_wide(times: Ints, ids: Ints) -> Ints:
    """Order rows whose times span too much for a key."""
    order = np.argsort(times, kind="mergesort")
    _settle_ties(times, ids, order)
    return order


@kernel(INTS, INTS)
def order_by_time(times: Ints, ids: Ints) -> Ints:
    """Return the row numbers in order of (time, id).

    Time and row make one key. Insertion sort while rows are nearly in place (links delay requests by little
    compared with a segment), radix sort otherwise, then equal times put in order of id.
    """
    count = times.shape[0]
    if count == 0:
        return np.arange(0)
    low = times[0]
    high = times[0]
    for t in times:
        low = min(low, t)
        high = max(high, t)
    shift = 1
    while 1 << shift < count:
        shift += 1
    if (high - low) >> (_KEY_BITS - shift) > 0:
        return _order_wide(times, ids)
    keys = np.empty(count, np.int64)
    for row in range(count):
        keys[row] = (times[row] - low) << shift | row
    if not _insert_sorted(keys, _MOVES_PER_ROW * count):
        _radix_sorted(keys, shift, (high - low) << shift)
    tied = 0
    for position in range(1, count):
        tied |= keys[position] >> shift == keys[position - 1] >> shift
    for position in range(count):
        keys[position] &= (1 << shift) - 1
    if tied:
        _settle_ties(times, ids, keys)
    return keys
