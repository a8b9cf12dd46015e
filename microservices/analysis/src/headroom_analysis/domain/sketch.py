"""Latency buckets cut from the bits of the number: a mergeable quantile sketch without a logarithm.

A positive binary64 number is ``1.m * 2^e``, and its bit pattern, read as an integer, grows with the number.
The pattern shifted right by 45 keeps the exponent and the first 7 bits of the mantissa, so that every octave
is cut into 128 buckets of equal width. A bucket's midpoint is off by at most 1/256 of its lower bound: a
relative error of at most 0.4 %. Counts are integers, so merging two sketches is adding them.

The bucketing follows the idea of HDR Histogram (Tene) and of DDSketch (Masson, Rim and Lee, "DDSketch: a fast
and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019) with its linearly interpolated
mapping.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_common.simcore.jit import inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANTISSA_BITS = 7
"""Leading bits of the mantissa that a bucket's index keeps: 2^7 buckets per octave."""

_SHIFT = 52 - MANTISSA_BITS
_BEFORE_ONE = (1023 << MANTISSA_BITS) - 1  # the shifted pattern of 1.0, less one: 1 ns falls into bucket 1

BUCKETS = (63 << MANTISSA_BITS) + 2
"""Number of buckets that all of [0, 2^63] can touch."""

RELATIVE_ERROR = 1 / (1 << (MANTISSA_BITS + 1))
"""Largest error of a bucket's midpoint, relative to any value in the bucket."""


@inlined
def bucket_of(value: int) -> int:
    """Return the bucket of a whole number of nanoseconds, 0 for values below 1."""
    return max((int(np.float64(value).view(np.int64)) >> _SHIFT) - _BEFORE_ONE, 0)


def buckets_of(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bucket of each value, as `bucket_of` does for one.

    Args:
        values: whole nanoseconds, any shape.
    """
    bits: NDArray[np.int64] = np.asarray(values, dtype=np.float64).view(np.int64)
    indexes: NDArray[np.int64] = np.maximum((bits >> _SHIFT) - _BEFORE_ONE, 0)
    return indexes


def bucket_edges(index: int) -> tuple[float, float]:
    """Return the bounds [low, high) of a bucket in nanoseconds; bucket 0 is [0, 1).

    Raises:
        ValueError: the index is not in [0, BUCKETS).
    """
    if not 0 <= index < BUCKETS:
        message = f"bucket index: expected 0 to {BUCKETS - 1}, found {index}"
        raise ValueError(message)
    patterns = np.array([index + _BEFORE_ONE, index + 1 + _BEFORE_ONE], dtype=np.int64) << _SHIFT
    low, high = patterns.view(np.float64).tolist()
    return (low if index else 0.0), high


def rank_of(quantile: float, count: int) -> int:
    """Return the rank, from 1, of a quantile among `count` values: ``max(1, ceil(quantile * count))``.

    The product is exact: 0.07 of 100 values is rank 7 although ``0.07 * 100 > 7`` in binary64.

    Raises:
        ValueError: the quantile is not in [0, 1], or there are no values.
    """
    if not 0 <= quantile <= 1:
        message = f"quantile: expected 0 to 1, found {quantile}"
        raise ValueError(message)
    if count < 1:
        message = f"count: expected at least one value to rank, found {count}"
        raise ValueError(message)
    share = Fraction(str(float(quantile)))
    return max(1, -(-share.numerator * count // share.denominator))


def bucket_at_rank(counts: NDArray[np.int64], rank: int) -> int:
    """Return the position in `counts` of the value with the given rank (from 1) in ascending order."""
    return int(np.searchsorted(np.cumsum(counts), rank, side="left"))


def quantile(counts: NDArray[np.int64], first: int, share: float, low: int, high: int) -> float | None:
    """Return a quantile in nanoseconds: the smallest value whose cumulative count is ≥ ceil(share * n).

    It is represented by its bucket's midpoint, clamped to the smallest and largest value seen, so that the
    relative error is at most `RELATIVE_ERROR` and the quantiles 0 and 1 of few values are not outside of
    them.

    Args:
        counts: values per bucket, shape (buckets,).
        first: bucket index of ``counts[0]``.
        share: the quantile, 0 to 1.
        low: smallest value seen, in ns.
        high: largest value seen, in ns.

    Returns:
        The value, or None when all counts are zero.
    """
    total = int(counts.sum())
    if total == 0:
        return None
    left, right = bucket_edges(first + bucket_at_rank(counts, rank_of(share, total)))
    middle = (left + right) / 2 if left else 0.0
    return min(max(middle, float(low)), float(high))


def bars(counts: NDArray[np.int64], first: int, most: int) -> list[dict[str, Any]]:
    """Return a histogram for people: at most about `most` bars in nanoseconds, empty ones left out.

    Neighbouring buckets are joined in twos, fours, … (aligned to the bucket index, so that the cut does not
    depend on the data) until the used range has no more than `most` bars.

    Args:
        counts: values per bucket, shape (buckets,).
        first: bucket index of ``counts[0]``.
        most: upper limit for the number of bars, at least 1.

    Returns:
        Dicts with `low` (inclusive), `high` (exclusive) and `count`, ascending.
    """
    used = np.flatnonzero(counts)
    if used.size == 0:
        return []
    indexes = used + first
    shift = 0
    while (int(indexes[-1]) >> shift) - (int(indexes[0]) >> shift) >= most:
        shift += 1
    joined: dict[int, int] = {}
    for index, count in zip((indexes >> shift).tolist(), counts[used].tolist(), strict=True):
        joined[index] = joined.get(index, 0) + count
    last = BUCKETS - 1
    return [
        {
            "low": bucket_edges(index << shift)[0],
            "high": bucket_edges(min(((index + 1) << shift) - 1, last))[1],
            "count": count,
        }
        for index, count in joined.items()
    ]
