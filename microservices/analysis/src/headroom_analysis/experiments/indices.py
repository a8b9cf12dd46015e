"""Morris' and Sobol's designs in the unit cube and what they estimate, by SALib.

All randomness is drawn from generators of our own: SALib falls back to the global one, which threads share,
where it is given no seed, and takes 0 for none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from headroom_analysis.domain.intervals import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LEVELS: Final = 4
"""Of each parameter in Morris' grid: 0, 1/3, 2/3 and 1 of the way."""

RESAMPLES: Final = 1_000
"""Bootstrap samples of an interval."""

Figures = list[dict[str, Any]]
"""What a method tells of each parameter."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to find out what matters.

    Attributes:
        design: takes the number of parameters, the size and a seed; returns points in the unit cube, shape
            (points, parameters).
        found: takes the design, the metric at its points, the level of intervals and the same seed.
        rank: of what is found, by which parameters are ranked.
    """

    design: Callable[[int, int, int], NDArray[np.float64]]
    found: Callable[[NDArray[np.float64], NDArray[np.float64], float, int], Figures]
    rank: str


def _morris_design(parameters: int, size: int, seed: int) -> NDArray[np.float64]:
    from SALib.sample import morris  # noqa: PLC0415 - two seconds that only this experiment should wait for

    points: NDArray[np.float64] = morris.sample(
        _problem(parameters), size, num_levels=LEVELS, seed=np.random.default_rng(seed)
    )
    return points


def _morris(
    design: NDArray[np.float64], outputs: NDArray[np.float64], confidence: float, seed: int
) -> Figures:
    from SALib.analyze import morris  # noqa: PLC0415 - as above

    found = morris.analyze(
        _problem(design.shape[1]),
        design,
        outputs,
        num_resamples=RESAMPLES,
        conf_level=confidence,
        num_levels=LEVELS,
        seed=np.random.default_rng(seed),
    )
    return [
        {
            "mu": float(found["mu"][index]),
            "mu_star": _figure(found["mu_star"][index], found["mu_star_conf"][index], least=0.0),
            "sigma": float(found["sigma"][index]),
        }
        for index in range(design.shape[1])
    ]


def _sobol_design(parameters: int, size: int, seed: int) -> NDArray[np.float64]:
    from SALib.sample import sobol  # noqa: PLC0415 - as above

    points: NDArray[np.float64] = sobol.sample(
        _problem(parameters), size, calc_second_order=False, seed=np.random.default_rng(seed)
    )
    return points


def _sobol(
    design: NDArray[np.float64], outputs: NDArray[np.float64], confidence: float, seed: int
) -> Figures:
    from SALib.analyze import sobol  # noqa: PLC0415 - as above

    parameters = design.shape[1]
    own = outputs.reshape(-1, parameters + 2)[:, [0, -1]]  # the two samples that the others mix
    if np.ptp(own) == 0:  # no variance to share out
        return [{key: Figure(None).document() for key in ("s1", "st")} for _ in range(parameters)]
    found = sobol.analyze(
        _problem(parameters),
        outputs,
        calc_second_order=False,
        num_resamples=RESAMPLES,
        conf_level=confidence,
        seed=np.random.default_rng(seed),
    )
    return [
        {
            "s1": _figure(found["S1"][index], found["S1_conf"][index]),
            "st": _figure(found["ST"][index], found["ST_conf"][index], least=0.0),
        }
        for index in range(parameters)
    ]


METHODS: Final = {
    "morris": Method(_morris_design, _morris, "mu_star"),
    "sobol": Method(_sobol_design, _sobol, "st"),
}


def _problem(parameters: int) -> dict[str, Any]:
    names = [f"x{index}" for index in range(parameters)]
    return {"num_vars": parameters, "names": names, "bounds": [[0.0, 1.0]] * parameters}


def _figure(value: float, half: float, least: float = -math.inf) -> dict[str, float | None]:
    return Figure(float(value), max(float(value - half), least), float(value + half)).document()
