"""Sorting of rows by (time, id), for columns that are nearly sorted already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from headroom_common.simcore.jit import inlined, kernel

if TYPE_CHECKING:
    from headroom_common.simcore.tables import Ints

_DIGIT_BITS: Final = 11
_DIGITS: Final = 1 << _DIGIT_BITS
_MOVES_PER_ROW: Final = 12


@inlined
def _insert_sorted(times: Ints, ids: Ints, order: Ints, budget: int) -> bool:
    """Insertion sort of `order`; gives up (False) when it has moved more than `budget` rows."""
    for position in range(1, order.shape[0]):
        row = order[position]
        t = times[row]
        identity = ids[row]
        gap = position
        while gap > 0:
            before = order[gap - 1]
            if times[before] < t or (times[before] == t and ids[before] < identity):
                break
            order[gap] = before
            gap = gap - 1
        order[gap] = row
        budget = budget - (position - gap)
        if budget < 0:
            return False
    return True


@inlined
def _radix_by_time(times: Ints, order: Ints, scratch: Ints) -> None:
    """Least-significant-digit radix sort of `order` by time."""
    count = order.shape[0]
    low = times[order[0]]
    high = low
    for row in order:
        low = min(low, times[row])
        high = max(high, times[row])
    shift = 0
    tally = np.zeros(_DIGITS, np.int64)
    while (high - low) >> shift > 0:
        tally[:] = 0
        for row in order:
            tally[((times[row] - low) >> shift) & (_DIGITS - 1)] += 1
        total = 0
        for digit in range(_DIGITS):
            here = tally[digit]
            tally[digit] = total
            total = total + here
        for row in order:
            digit = ((times[row] - low) >> shift) & (_DIGITS - 1)
            scratch[tally[digit]] = row
            tally[digit] += 1
        for position in range(count):
            order[position] = scratch[position]
        shift = shift + _DIGIT_BITS


@kernel
def order_by_time(times: Ints, ids: Ints) -> Ints:
    """Return the row numbers in order of (time, id).

    Insertion sort while rows are nearly in place (links delay requests by little compared with a
    segment), radix sort otherwise, then equal times put in order of id.
    """
    count = times.shape[0]
    order = np.arange(count)
    if count < 2:  # noqa: PLR2004 - nothing to sort
        return order
    if not _insert_sorted(times, ids, order, _MOVES_PER_ROW * count):
        _radix_by_time(times, order, np.empty(count, np.int64))
        _insert_sorted(times, ids, order, 1 << 62)
    return order
