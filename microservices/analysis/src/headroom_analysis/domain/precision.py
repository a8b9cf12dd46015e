"""How many trials a precision needs: the sequential rule of replications, and the warm-up before them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headroom_analysis.domain.intervals import Figure

MOST_GROWTH = 2.0
"""A look multiplies the trials by so much at most: an estimate of the variance from few is rough."""

LEAST_GROWTH = 1.25
"""And by so much at least: each look is a chance to stop too early."""


def excess(figures: Iterable[Figure], precision: float) -> float:
    """Return how much wider than wanted the widest interval is: the largest relative half width / precision.

    Figures without data, and means of zero, have no relative half width and are left out; 0 without any.
    """
    widths = (figure.relative_half_width for figure in figures)
    return max((width / precision for width in widths if width is not None), default=0.0)


def trials_for(trials: int, wider: float, most: int) -> int:
    """Return how many trials to have at the next look.

    A half width shrinks with the square root of the trials, so n · wider² are needed (Law, "Simulation
    Modeling and Analysis", 5th ed., section 9.4.1); from look to look the number grows by a quarter at least
    and doubles at most.

    Args:
        trials: that there are, n.
        wider: from `excess`.
        most: a limit.
    """
    if wider <= 1:
        return trials
    needed = math.ceil(min(trials * wider * wider, trials * MOST_GROWTH))
    return min(most, max(needed, math.ceil(trials * LEAST_GROWTH)))
