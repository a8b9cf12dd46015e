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
    mean = mean_of(known)
    if count == 1:
        return Figure(mean)
    half = student_t((1 + confidence) / 2, count - 1) * math.sqrt(variance_of(known, mean) / count)
    return Figure(mean, max(mean - half, least), mean + half)


def mean_of(known: Sequence[float]) -> float:
    """Return the mean of at least one value, correctly rounded; of equal values to the last bit."""
    return min(max(math.fsum(known) / len(known), min(known)), max(known))


def variance_of(known: Sequence[float], mean: float) -> float:
    """Return the sample variance s² of at least two values around their mean."""
    return math.fsum((value - mean) ** 2 for value in known) / (len(known) - 1)


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

    # below[k] = P(at most k observations ≤ quantile)
    below = bdtr(np.arange(count + 1, dtype=np.float64), count, share).tolist()
    best: tuple[int, float, int, int] | None = None
    high = 2
    for low in range(1, count + 1):  # the least rank that covers grows with `low`
        while high <= count and (high <= low or below[high - 1] - below[low - 1] < confidence):
            high += 1
        if high > count:
            break
        off_centre = abs((low + high) / 2 - (count + 1) * share)
        if best is None or (high - low, off_centre) < best[:2]:
            best = (high - low, off_centre, low, high)
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
