"""The compiled loops over the sampled states: their ranges, and their sums by tick and place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from headroom_analysis.domain.accumulators import MOST_SUM
from headroom_common.simcore.jit import INT, array, kernel, u64

if TYPE_CHECKING:
    from numpy.typing import NDArray


_COLUMN: Final = array(np.int64, read_only=True)
_SUMS: Final = array(np.int64, 3)


@kernel(_COLUMN)
def extremes(values: NDArray[np.int64]) -> tuple[int, int]:
    """Return the smallest and the largest value; there must be one."""
    smallest = values[0]
    largest = values[0]
    for i in range(values.size):
        smallest = min(smallest, values[i])
        largest = max(largest, values[i])
    return int(smallest), int(largest)


@kernel(_COLUMN, _COLUMN, _COLUMN, INT, _SUMS, INT)
def add_samples(
    tick: NDArray[np.int64],
    place: NDArray[np.int64],
    values: NDArray[np.int64],
    first: int,
    sums: NDArray[np.int64],
    at: int,
) -> int:
    """Add a column of samples up by tick and place.

    Args:
        tick: of each sample.
        place: of each sample.
        values: of each sample.
        first: the tick of the first row of `sums`.
        sums: receives the sums, shape (ticks, places, columns).
        at: its column.

    Returns:
        The largest absolute value, or -1 when the values are too many and too large to add up in 64 bits.
    """
    most = MOST_SUM // max(values.size, 1)
    largest = 0
    for i in range(values.size):
        value = values[i]
        if value > most or value < -most:
            return -1
        largest = max(largest, abs(value))
        sums[u64(tick[i] - first), u64(place[i]), u64(at)] += value
    return int(largest)
