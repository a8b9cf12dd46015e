"""The limit of a monotone verdict: galloping to a bracket, then bisection within it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

WIDE = 4.0
"""A bracket whose ends differ by more than this factor is cut in its logarithm."""

NEAR = 1.5
"""Of the distance between the ends of a limit: what is known so near to it needs no other look."""


@dataclass(frozen=True, slots=True)
class Terrain:
    """Where to search.

    Attributes:
        easy: the end where objectives are met if anywhere: the least load, the most servers.
        hard: the other end.
        whole: whether whole numbers alone count.
        tolerance: how close met and missed have to come, as a share of the smaller one; whole numbers become
            neighbours.
    """

    easy: float
    hard: float
    whole: bool
    tolerance: float

    def rounded(self, number: float) -> float:
        """Return the whole number below, or six significant digits, as texts of amounts have them."""
        return float(math.floor(number)) if self.whole else float(f"{number:.6g}")

    def close(self, met: float, missed: float) -> bool:
        """Tell whether nothing worth asking is between two numbers.

        Next to 0, of which shares mean nothing, `tolerance` of `tolerance` of the upper end counts as close.
        """
        low, high = sorted((met, missed))
        if self.whole:
            return high - low <= 1
        near = self.tolerance * (low or self.tolerance * max(self.easy, self.hard))
        return high - low <= near or not low < self.middle(met, missed) < high

    def middle(self, met: float, missed: float) -> float:
        """Return a number between two others: of a wide bracket the geometric mean, else the arithmetic.

        Of what need not be whole the shortest number near it is taken: people read 765/s better than
        765.563/s.
        """
        low, high = sorted((met, missed))
        between = math.sqrt(low * high) if 0 < low * WIDE < high else (low + high) / 2
        if self.whole:
            return max(self.rounded(between), low + 1)
        near = min(between - low, high - between) / 2
        short = (float(f"{between:.{digits}g}") for digits in range(1, 6))
        return next((number for number in short if abs(number - between) <= near), self.rounded(between))

    def beside(self, limit: Limit, known: Collection[float]) -> list[float]:
        """Return an easier number than the one that is met, and a harder one than the one that is missed.

        They are as far away as these two are from each other, of whole numbers by the tolerance at least;
        left out where the terrain ends, or where a number about as far away is known.
        """
        if limit.met is None or limit.missed is None:
            return []
        step = limit.missed - limit.met
        if self.whole:
            step *= max(1, math.floor(self.tolerance * min(limit.met, limit.missed)))
        low, high = sorted((self.easy, self.hard))
        found = []
        for end, way in ((limit.met, -step), (limit.missed, step)):
            number = self.rounded(end + way)
            if low <= number <= high and not any(0 < (one - end) / way < NEAR for one in known):
                found.append(number)
        return found


@dataclass(frozen=True, slots=True)
class Limit:
    """Between which numbers the verdict turns.

    Attributes:
        met: the hardest number that is met; None when not even the easy end is.
        missed: the easiest number that is missed; None when even the hard end is met.
    """

    met: float | None
    missed: float | None


def find_limit(terrain: Terrain, start: float | None = None) -> Generator[float, bool, Limit]:
    """Search the limit of a verdict that, once missed, is missed all the way to the hard end.

    It asks for one number at a time, for the trials of a point occupy all cores. With a start it goes from
    there to the double, or the half, until the verdict turns (galloping, as in Bentley and Yao, "An almost
    optimal algorithm for unbounded searching", Information Processing Letters 5, 1976). Without, it asks for
    the easy end first; the hard end is the dearest to simulate, and asked for last, only if all else is met.

    Args:
        terrain: where to search.
        start: where to begin, within the terrain.

    Yields:
        A number; is sent whether the objectives are met there.
    """
    met: float | None
    missed: float | None
    if start is None:
        met, missed = (terrain.easy, None) if (yield terrain.easy) else (None, terrain.easy)
    else:
        met, missed = yield from _gallop(terrain, start)
    if met is None or met == terrain.hard:
        return Limit(met, missed)
    far = terrain.hard if missed is None else missed
    while not terrain.close(met, far):
        middle = terrain.middle(met, far)
        if (yield middle):
            met = middle
        else:
            far = missed = middle
    if missed is None:  # all that was asked is met, and the hard end was not asked
        met, missed = (far, None) if (yield far) else (met, far)
    return Limit(met, missed)


def _gallop(terrain: Terrain, start: float) -> Generator[float, bool, tuple[float | None, float | None]]:
    """Go from a number to the double, or the half, until the verdict turns or the terrain ends."""
    here, found = start, (yield start)
    end = terrain.hard if found else terrain.easy
    while here != end:
        further = terrain.rounded(min(2 * here, end) if end > here else max(here / 2, end))
        if (yield further) != found:
            return (here, further) if found else (further, here)
        here = further
    return (here, None) if found else (None, here)
