"""Which points an experiment looks at."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_common.scenario.variations import Variation


def matrix(variations: Sequence[Variation]) -> list[dict[str, str]]:
    """Return all combinations of the values, the last variation's changing fastest."""
    paths = [variation.path for variation in variations]
    return [
        dict(zip(paths, values, strict=True))
        for values in product(*(variation.values for variation in variations))
    ]


def latin_hypercube(variations: Sequence[Variation], samples: int, seed: int) -> list[dict[str, str]]:
    """Return points of which every variation's range is cut into as many parts, with one point in each.

    Of points that rounding has made equal the first stays (McKay, Beckman and Conover, "A comparison of three
    methods for selecting values of input variables", Technometrics 21, 1979).

    Args:
        variations: what varies.
        samples: how many points.
        seed: of the places within the parts.
    """
    from scipy.stats import qmc  # noqa: PLC0415 - takes long to import

    shares = qmc.LatinHypercube(d=len(variations), rng=seed).random(samples)
    points = [
        {variation.path: variation.at(float(share)) for variation, share in zip(variations, row, strict=True)}
        for row in shares
    ]
    return list({tuple(point.items()): point for point in points}.values())
