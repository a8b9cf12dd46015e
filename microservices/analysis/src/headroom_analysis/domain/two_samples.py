"""Two samples of trials: by how much their means differ, how surely, and what pairing them gained."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from headroom_analysis.domain.intervals import Figure, mean_of, student_t, variance_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ROUNDING: Final = 1e-15
"""A variance that is a smaller share of those it comes from than this is one of rounding errors."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two means.

    Attributes:
        value: mean of the second sample less mean of the first, None without data.
        error: its standard error, None with too few trials to tell.
        degrees: of freedom of the error.
    """

    value: float | None = None
    error: float | None = None
    degrees: float = 1.0

    def figure(self, confidence: float) -> Figure:
        """Return it with its Student-t interval.

        Args:
            confidence: level in (0, 1).
        """
        if self.value is None or self.error is None:
            return Figure(self.value)
        half = student_t((1 + confidence) / 2, self.degrees) * self.error
        return Figure(self.value, self.value - half, self.value + half)

    def p_value(self) -> float | None:
        """Return how probable so large a difference is if there is none: ``2 P(T < -|value| / error)``.

        It is below 1 - confidence where the interval of that confidence excludes 0. None without an error.
        """
        if self.value is None or self.error is None:
            return None
        if self.error == 0:
            return 1.0 if self.value == 0 else 0.0
        from scipy.special import stdtr  # noqa: PLC0415 - a third of a second that a run should not wait for

        return float(2 * stdtr(self.degrees, -abs(self.value) / self.error))


def difference_of(first: Iterable[float | None], second: Iterable[float | None]) -> Difference:
    """Return the mean of ``second - first`` over pairs of trials that met the same random numbers.

    It is that of the paired-t interval (Law, "Simulation Modeling and Analysis", 5th ed., section 10.2.1):
    what both trials of a pair have in common cancels out.

    Args:
        first: one value per pair, None without data.
        second: one value per pair, in the same order.

    Raises:
        ValueError: one has more values than the other.
    """
    known = [b - a for a, b in _pairs(first, second)]
    if not known:
        return Difference()
    mean, count = mean_of(known), len(known)
    if count == 1:
        return Difference(mean)
    return Difference(mean, math.sqrt(variance_of(known, mean) / count), count - 1)


def difference_of_means(first: Iterable[float | None], second: Iterable[float | None]) -> Difference:
    """Return the mean of ``second`` less that of ``first``, both independent of each other.

    It is that of Welch's interval (Law, section 10.2.2): with u and v the variances of the two means, the
    error is ``sqrt(u + v)`` with ``(u + v)² / (u² / (m - 1) + v² / (n - 1))`` degrees of freedom.

    Args:
        first: one value per trial, None without data.
        second: one value per trial, of any number of trials.
    """
    samples = [[float(value) for value in values if value is not None] for values in (first, second)]
    if not all(samples):
        return Difference()
    means = [mean_of(sample) for sample in samples]
    difference = means[1] - means[0]
    counts = [len(sample) for sample in samples]
    if min(counts) == 1:
        return Difference(difference)
    u, v = (variance_of(sample, mean) / len(sample) for sample, mean in zip(samples, means, strict=True))
    if u + v == 0:
        return Difference(difference, 0.0)
    share = u / (u + v)
    degrees = 1 / (share**2 / (counts[0] - 1) + (1 - share) ** 2 / (counts[1] - 1))
    return Difference(difference, math.sqrt(u + v), degrees)


@dataclass(frozen=True, slots=True)
class Gain:
    """What it gained that two samples met the same random numbers.

    Attributes:
        variance_ratio: how many times the variance of the difference would be larger without.
        unpaired_trials: how many trials more each of two independent samples would need for an interval of
            the difference as narrow; negative if fewer.
    """

    variance_ratio: float
    unpaired_trials: int


def gain_of(first: Iterable[float | None], second: Iterable[float | None], confidence: float) -> Gain | None:
    """Return what pairing gained.

    With s_a² and s_b² the variances of the samples and s_d² that of the differences, the ratio is
    ``(s_a² + s_b²) / s_d²``: independent samples have ``s_d² = s_a² + s_b²`` (Law, section 11.2). The trials
    are the fewest m whose Welch half width ``t(f(m)) sqrt((s_a² + s_b²) / m)`` is no larger than the paired.

    Args:
        first: one value per pair, None without data.
        second: one value per pair, in the same order.
        confidence: level of the intervals, in (0, 1).

    Returns:
        None with less than two pairs, or when all pairs differ by the same.

    Raises:
        ValueError: one has more values than the other.
    """
    pairs = _pairs(first, second)
    count = len(pairs)
    if count < 2:  # noqa: PLR2004 - one pair has no variance
        return None
    a, b, d = (
        variance_of(sample, mean_of(sample))
        for sample in ([a for a, _ in pairs], [b for _, b in pairs], [b - a for a, b in pairs])
    )
    if d <= _ROUNDING * (a + b):
        return None
    probability = (1 + confidence) / 2
    wanted = student_t(probability, count - 1) * math.sqrt(d / count)
    share = a / (a + b)

    def suffices(trials: int) -> bool:
        degrees = (trials - 1) / (share**2 + (1 - share) ** 2)
        half = student_t(probability, degrees) * math.sqrt((a + b) / trials)
        return half <= wanted

    most = count
    while not suffices(most):
        most *= 2
    needed = 2 + bisect_left(range(2, most), True, key=suffices)  # noqa: FBT003 - what is looked for
    return Gain((a + b) / d, needed - count)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for there being many, by Holm's step-down procedure.

    With m of them in ascending order, the k-th becomes the largest of ``min(1, (m - j + 1) p_j)`` over j ≤ k.
    Calling those significant that stay below a level keeps the probability of any false call below it,
    however they depend on each other (Holm, "A simple sequentially rejective multiple test procedure",
    Scandinavian Journal of Statistics 6, 1979).

    Args:
        p_values: each in [0, 1], in any order.

    Returns:
        The adjusted ones in the same order.
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda index: p_values[index])
    scaled = (min(1.0, (count - rank) * p_values[index]) for rank, index in enumerate(order))
    adjusted = dict(zip(order, accumulate(scaled, max), strict=True))
    return [adjusted[index] for index in range(count)]


def _pairs(first: Iterable[float | None], second: Iterable[float | None]) -> list[tuple[float, float]]:
    """Return the pairs of which both have data."""
    pairs = zip(first, second, strict=True)
    return [(a, b) for a, b in pairs if a is not None and b is not None]
