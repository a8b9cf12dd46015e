"""The oracle's reading of distributions: the parameters as docs and textbooks state them, law by law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from headroom_common.simcore import distributions as simcore
from headroom_common.simcore.distributions import Distributions, sample_ns

SECOND = 1_000_000_000


def _one_row(
    kind: int, first: float = 0.0, second: float = 0.0, third: float = 0.0, **more: Any
) -> Distributions:
    quantiles = more.get("quantiles", [])
    return Distributions(
        kind=np.array([kind]),
        first=np.array([first]),
        second=np.array([second]),
        third=np.array([third]),
        constant_ns=np.array([more.get("constant_ns", 0)]),
        start=np.array([0]),
        stop=np.array([len(quantiles)]),
        quantiles=np.array(quantiles, dtype=np.float64),
    )


def _table(dist: Any) -> Distributions:  # noqa: PLR0911 - one return per law
    kind = getattr(simcore, dist.distribution.upper())
    match dist.distribution:
        case "exponential":
            return _one_row(kind, dist.mean / SECOND)
        case "poisson":
            return _one_row(kind, dist.mean / 1_000_000)
        case "normal":
            mean, sd = dist.mean / SECOND, dist.sd / SECOND
            return _one_row(kind, mean, sd, normal_below_zero(mean, sd))
        case "lognormal":
            squared = (dist.sd / dist.mean) ** 2
            sigma_squared = math.log1p(squared)
            return _one_row(
                kind, math.log(dist.mean / SECOND) - sigma_squared / 2.0, math.sqrt(sigma_squared)
            )
        case "uniform":
            return _one_row(kind, dist.low / SECOND, dist.high / SECOND)
        case "gamma":
            shape = (dist.mean / dist.sd) ** 2
            return _one_row(kind, shape, dist.mean / SECOND / shape)
        case "weibull":
            return _one_row(kind, dist.shape, dist.scale / SECOND)
        case "pareto":
            return _one_row(kind, dist.shape, dist.minimum / SECOND)
        case "empirical":
            return _one_row(kind, quantiles=[q / SECOND for q in dist.quantiles])
    raise AssertionError(dist.distribution)


def normal_below_zero(mean: float, sd: float) -> float:
    """Return the probability that an untruncated normal is negative."""
    return 0.5 * math.erfc(mean / (sd * math.sqrt(2.0)))


class Law:
    """A duration law of the scenario that can be drawn from."""

    def __init__(self, dist: Any) -> None:
        self.constant: int | None = dist.value if dist.distribution == "constant" else None
        if dist.distribution in {"normal", "lognormal"} and dist.sd == 0:
            self.constant = dist.mean
        self.table = None if self.constant is not None else _table(dist)

    def draw(self, stream: int, identity: int, site: int) -> int:
        """Return a sampled duration in ns."""
        if self.table is None:
            assert self.constant is not None
            return self.constant
        return int(sample_ns(self.table, 0, stream, identity, site))
