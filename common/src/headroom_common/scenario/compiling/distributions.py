"""Laws of durations to rows of the distribution table."""

from __future__ import annotations

import math

import numpy as np

from headroom_common.scenario import distributions as laws
from headroom_common.simcore import distributions as kinds
from headroom_common.simcore.tables import LAWS, QUANTILES, Ints, bits_of, matrix

_SECOND = 1e9
_MILLISECOND = 1e6

Law = (
    laws.Constant
    | laws.Exponential
    | laws.Normal
    | laws.LogNormal
    | laws.Uniform
    | laws.Gamma
    | laws.Weibull
    | laws.Pareto
    | laws.Poisson
    | laws.Empirical
)


def normal_below_zero(mean: float, sd: float) -> float:
    """Probability that a normal variable is negative."""
    return 0.5 * math.erfc(mean / (sd * math.sqrt(2.0)))


class DistributionTable:
    """Collects laws, each once, and gives their row numbers."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, float, float, float, int, tuple[int, ...]], int] = {}

    def add(self, law: Law) -> int:
        """Return the row of a law, adding it when it is new."""
        return self._rows.setdefault(_parameters(law), len(self._rows))

    def constant(self, row: int) -> int | None:
        """Return the duration in ns of a row of constant duration, None for a random one."""
        kind, _, _, _, constant_ns, _ = list(self._rows)[row]
        return constant_ns if kind == kinds.CONSTANT else None

    def tables(self) -> dict[int, Ints]:
        """Return `LAWS` and `QUANTILES` with all laws added so far."""
        rows = list(self._rows)
        quantiles = [row[5] for row in rows]
        stops = np.cumsum([len(values) for values in quantiles], dtype=np.int64)
        flat = np.array([value for values in quantiles for value in values], np.float64) / _SECOND
        return {
            LAWS: matrix(
                np.array([row[0] for row in rows], np.int64),
                np.array([row[4] for row in rows], np.int64),
                stops - np.array([len(values) for values in quantiles], np.int64),
                stops,
                *(bits_of(np.array([row[column] for row in rows], np.float64)) for column in (1, 2, 3)),
            ),
            QUANTILES: matrix(bits_of(flat)),
        }


def _parameters(  # noqa: C901, PLR0911 - one case per law
    law: Law,
) -> tuple[int, float, float, float, int, tuple[int, ...]]:
    """Return (kind, first, second, third, constant_ns, quantiles) of a law, as `sample_ns` reads them."""
    match law:
        case laws.Constant():
            return kinds.CONSTANT, 0.0, 0.0, 0.0, law.value, ()
        case laws.Exponential():
            return kinds.EXPONENTIAL, law.mean / _SECOND, 0.0, 0.0, 0, ()
        case laws.Normal():
            if law.sd == 0:
                return kinds.CONSTANT, 0.0, 0.0, 0.0, law.mean, ()
            mean, sd = law.mean / _SECOND, law.sd / _SECOND
            return kinds.NORMAL, mean, sd, normal_below_zero(mean, sd), 0, ()
        case laws.LogNormal():
            if law.sd == 0:
                return kinds.CONSTANT, 0.0, 0.0, 0.0, law.mean, ()
            variance = math.log1p((law.sd / law.mean) ** 2)
            mu = math.log(law.mean / _SECOND) - variance / 2.0
            return kinds.LOGNORMAL, mu, math.sqrt(variance), 0.0, 0, ()
        case laws.Uniform():
            return kinds.UNIFORM, law.low / _SECOND, law.high / _SECOND, 0.0, 0, ()
        case laws.Gamma():
            shape = (law.mean / law.sd) ** 2
            return kinds.GAMMA, shape, law.mean / _SECOND / shape, 0.0, 0, ()
        case laws.Weibull():
            return kinds.WEIBULL, law.shape, law.scale / _SECOND, 0.0, 0, ()
        case laws.Pareto():
            return kinds.PARETO, law.shape, law.minimum / _SECOND, 0.0, 0, ()
        case laws.Poisson():
            return kinds.POISSON, law.mean / _MILLISECOND, 0.0, 0.0, 0, ()
        case laws.Empirical():
            return kinds.EMPIRICAL, 0.0, 0.0, 0.0, 0, tuple(law.quantiles)
