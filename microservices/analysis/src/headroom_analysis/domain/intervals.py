"""Estimates from independent replications: Student-t and order-statistic intervals, and the rule MSER-5."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

BATCH = 5
"""Observations per batch of MSER-5."""


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate over trials.

    Attributes:
        value: mean over the trials that have data, or None when none has.
        low: lower end of the confidence interval, or None with fewer than two such trials.
        high: upper end, likewise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def half_width(self) -> float | None:
        """Half the length of the interval, or None without one."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def relative_half_width(self) -> float | None:
        """Half width over the absolute value; None without an interval, or around 0.

        It is the precision that sequential stopping aims at (Hoad, Robinson and Davies, "Automated selection
        of the number of replications for a discrete-event simulation", JORS 61, 2010).
        """
        half = self.half_width
        if half is None or self.value is None:
            return None
        if half == 0:
            return 0.0
        return half / abs(self.value) if self.value else None

    def excludes(self, value: float) -> bool:
        """Tell whether a value is outside the interval; nothing is outside when there is none."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high

    def document(self) -> dict[str, float | None]:
        """Return the figure as the result document writes it."""
        return {"value": self.value, "low": self.low, "high": self.high}


def figure_of(values: Iterable[float | None], confidence: float, least: float = -math.inf) -> Figure:
    """Return the mean of one value per trial with its Student-t interval.

    The interval is ``mean ± t((1 + confidence) / 2; n - 1) * s / sqrt(n)`` with s² the sample variance (Law,
    "Simulation Modeling and Analysis", 5th ed., section 9.4.1). The trials without data (None) are left out.
    Sums are correctly rounded, so the order of the trials cannot matter.

    Args:
        values: one per trial.
        confidence: level in (0, 1).
        least: the smallest value that the figure can have; cutting the interval there loses no coverage.
    """
    known = [float(value) for value in values if value is not None]
    count = len(known)
    if count == 0:
        return Figure(None)
    mean = math.fsum(known) / count
    if count == 1:
        return Figure(mean)
    mean = min(max(mean, min(known)), max(known))  # equal values keep their mean to the last bit
    half = student_t((1 + confidence) / 2, count - 1) * math.sqrt(_variance_of_mean(known, mean))
    return Figure(mean, max(mean - half, least), mean + half)


def difference_of(first: Iterable[float | None], second: Iterable[float | None], confidence: float) -> Figure:
    """Return the mean of ``second - first`` over pairs of trials that met the same random numbers.

    It is the paired-t interval (Law, section 10.2.1): what both trials of a pair have in common cancels out.

    Args:
        first: one value per pair.
        second: one value per pair, in the same order.
        confidence: level in (0, 1).

    Raises:
        ValueError: one has more values than the other.
    """
    pairs = zip(first, second, strict=True)
    return figure_of((None if a is None or b is None else b - a for a, b in pairs), confidence)


def difference_of_means(
    first: Iterable[float | None], second: Iterable[float | None], confidence: float
) -> Figure:
    """Return the mean of ``second`` less that of ``first``, both independent of each other.

    Welch's interval (Law, section 10.2.2): ``b - a ± t((1 + confidence) / 2; f) * sqrt(u + v)`` with u and v
    the variances of the two means and ``f = (u + v)² / (u² / (m - 1) + v² / (n - 1))`` degrees of freedom.

    Args:
        first: one value per trial.
        second: one value per trial, of any number of trials.
        confidence: level in (0, 1).
    """
    samples = [[float(value) for value in values if value is not None] for values in (first, second)]
    means = [figure_of(sample, confidence).value for sample in samples]
    if means[0] is None or means[1] is None:
        return Figure(None)
    difference = means[1] - means[0]
    if min(map(len, samples)) == 1:
        return Figure(difference)
    u, v = (_variance_of_mean(sample, mean or 0.0) for sample, mean in zip(samples, means, strict=True))
    if u + v == 0:
        return Figure(difference, difference, difference)
    share = u / (u + v)
    degrees = 1 / (share**2 / (len(samples[0]) - 1) + (1 - share) ** 2 / (len(samples[1]) - 1))
    half = student_t((1 + confidence) / 2, degrees) * math.sqrt(u + v)
    return Figure(difference, difference - half, difference + half)


def _variance_of_mean(values: Sequence[float], mean: float) -> float:
    """Return s² / n of independent observations, at least two."""
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return variance / len(values)


def student_t(probability: float, degrees: float) -> float:
    """Return the quantile of Student's t distribution.

    Raises:
        ValueError: the probability is not in (0, 1), or there is no degree of freedom.
    """
    if not 0 < probability < 1:
        message = f"probability: expected a number in (0, 1), found {probability}"
        raise ValueError(message)
    if degrees < 1:
        message = f"degrees: expected at least 1 degree of freedom, found {degrees}"
        raise ValueError(message)
    from scipy.special import stdtrit  # noqa: PLC0415 - a third of a second that a run should not wait for

    return float(stdtrit(degrees, probability))


def quantile_interval(values: Sequence[float], share: float, confidence: float) -> tuple[float, float] | None:
    """Return a distribution-free confidence interval of a quantile from independent observations.

    With n observations, the interval from the l-th to the u-th smallest covers the quantile p with
    probability ``B(u - 1; n, p) - B(l - 1; n, p)``, B being the binomial distribution function (Conover,
    "Practical Nonparametric Statistics", section 3.2). Of the narrowest such intervals in rank the most
    central one is taken.

    Args:
        values: the observations, in any order.
        share: the quantile p, in (0, 1).
        confidence: least coverage, in (0, 1).

    Returns:
        The interval, or None when even the smallest and largest observation together do not cover it.
    """
    ordered = sorted(values)
    count = len(ordered)
    if count == 0:
        return None
    from scipy.special import bdtr  # noqa: PLC0415 - as above

    below = bdtr(
        np.arange(count + 1, dtype=np.float64), count, share
    )  # below[k] = P(at most k observations ≤ quantile)
    best: tuple[int, float, int, int] | None = None
    for low in range(1, count + 1):
        for high in range(low + 1, count + 1):
            if below[high - 1] - below[low - 1] >= confidence:
                off_centre = abs((low + high) / 2 - (count + 1) * share)
                if best is None or (high - low, off_centre) < best[:2]:
                    best = (high - low, off_centre, low, high)
                break
    return None if best is None else (ordered[best[2] - 1], ordered[best[3] - 1])


def mser5(series: NDArray[np.float64]) -> int:
    """Return how many leading observations belong to the warm-up, by the rule MSER-5.

    The series is cut into n batch means of 5; the truncation point d ≤ n / 2 minimises ``s²(d) / (n - d)``,
    with s²(d) the variance of the means after d (White, "An effective truncation heuristic for bias reduction
    in simulation output", Simulation 69, 1997; White, Cobb and Spratt, WSC 2000). The first of equal minima
    is taken.

    Args:
        series: observations in order of time, shape (n,).

    Returns:
        The cut in observations, a multiple of 5; 0 for fewer than two batches.
    """
    batches = series.size // BATCH
    if batches < 2:  # noqa: PLR2004 - one batch has no variance
        return 0
    means = series[: batches * BATCH].reshape(batches, BATCH).mean(axis=1)
    centred = means - means.mean()
    # Suffix sums from the last batch to the first: the variance after every d in one pass.
    left = np.arange(batches, 0, -1)
    total = np.cumsum(centred[::-1])[::-1]
    square = np.cumsum((centred * centred)[::-1])[::-1]
    spread = np.maximum(square / left - (total / left) ** 2, 0.0)
    merit = spread / left
    return int(np.argmin(merit[: batches // 2 + 1])) * BATCH
