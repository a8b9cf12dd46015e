"""How many trials a precision, or a verdict, needs: the sequential rule of replications."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headroom_analysis.domain.intervals import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_GROWTH = 2.0
"""A look multiplies the trials by so much at most: an estimate of the variance from few is rough."""

LEAST_GROWTH = 1.25
"""And by so much at least: each look is a chance to stop too early."""


def excess(figures: Iterable[Figure], precision: float) -> float:
    """Return how much wider than wanted the widest interval is: the largest relative half width / precision.

    It is infinite when a single trial has data. Figures without any data, which more trials would hardly
    bring, and means of zero, have no relative half width and are left out; 0 without any other.
    """
    return max((_relative(figure) / precision for figure in figures), default=0.0)


def as_share(figure: Figure) -> Figure:
    """Return the interval of a ratio as one of the whole, 1, so that its precision is in percentage points.

    An error ratio of 0.02 % is known well enough when it is known to 0.1 %: a width relative to a number that
    ought to be 0 asks for trials without end.
    """
    half = figure.half_width
    if figure.value is None:
        return figure
    return Figure(1.0) if half is None else Figure(1.0, 1.0 - half, 1.0 + half)


def _relative(figure: Figure) -> float:
    if figure.value is not None and figure.half_width is None:
        return math.inf
    return figure.relative_half_width or 0.0


def doubt(figure: Figure, threshold: float) -> float:
    """Return how much wider than wanted an interval is that has to leave out a threshold.

    It is the half width over the distance of the estimate to the threshold: above 1 while the threshold is
    inside. Infinite without an interval; 0 without data, which more trials would hardly bring.
    """
    if figure.value is None:
        return 0.0
    distance = abs(figure.value - threshold)
    if figure.high is None or distance == 0:
        return math.inf
    return (figure.high - figure.value) / distance  # the lower half may be cut at 0


def trials_for(trials: int, wider: float, most: int) -> int:
    """Return how many trials to have at the next look.

    A half width shrinks with the square root of the trials, so n · wider² are needed (Law, "Simulation
    Modeling and Analysis", 5th ed., section 9.4.1); from look to look the number grows by a quarter at least
    and doubles at most.

    Args:
        trials: that there are, n.
        wider: from `excess` or `doubt`.
        most: a limit.
    """
    if wider <= 1:
        return trials
    needed = math.ceil(min(trials * wider * wider, trials * MOST_GROWTH))
    return min(most, max(needed, math.ceil(trials * LEAST_GROWTH)))
