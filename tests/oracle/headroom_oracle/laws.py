"""The oracle's reading of distributions: the formulas as textbooks state them, law by law.

The elementary functions are those of `headroom_common.simcore`, whose bits are the same on all hosts; its own
tests check them.
"""

from __future__ import annotations

import math
from typing import Any

from headroom_common.simcore.distributions import (
    nanoseconds,
    normal_quantile,
    poisson,
    standard_gamma,
    truncated_normal,
)
from headroom_common.simcore.elementary import exp, log, power
from headroom_common.simcore.random import uniform

SECOND = 1_000_000_000


def normal_below_zero(mean: float, sd: float) -> float:
    """Return the probability that an untruncated normal is negative."""
    return 0.5 * math.erfc(mean / (sd * math.sqrt(2.0)))


class Law:
    """A duration law of the scenario that can be drawn from."""

    def __init__(self, dist: Any) -> None:
        self.dist = dist
        self.is_constant = dist.distribution == "constant" or getattr(dist, "sd", 1) == 0

    def draw(self, stream: int, identity: int, site: int) -> int:
        """Return a sampled duration in ns."""
        dist = self.dist
        if self.is_constant:
            return int(dist.value if dist.distribution == "constant" else dist.mean)
        if dist.distribution == "gamma":
            shape = (dist.mean / dist.sd) ** 2
            scale = dist.mean / SECOND / shape
            return int(nanoseconds(standard_gamma(shape, stream, identity, site) * scale))
        if dist.distribution == "poisson":
            return int(poisson(dist.mean / 1_000_000, stream, identity, site)) * 1_000_000
        return int(nanoseconds(_quantile(dist, uniform(stream, identity, site))))


def _quantile(dist: Any, u: float) -> float:
    """Return the duration in seconds that a uniform draw means, by inversion."""
    match dist.distribution:
        case "exponential":
            seconds = -log(u) * (dist.mean / SECOND)
        case "normal":
            mean, sd = dist.mean / SECOND, dist.sd / SECOND
            seconds = truncated_normal(mean, sd, normal_below_zero(mean, sd), u)
        case "lognormal":
            variance = math.log1p((dist.sd / dist.mean) ** 2)
            mu = math.log(dist.mean / SECOND) - variance / 2.0
            seconds = exp(mu + math.sqrt(variance) * normal_quantile(u))
        case "uniform":
            low, high = dist.low / SECOND, dist.high / SECOND
            seconds = low + (high - low) * u
        case "weibull":
            seconds = dist.scale / SECOND * power(-log(u), 1.0 / dist.shape)
        case "pareto":
            seconds = dist.minimum / SECOND * power(u, -1.0 / dist.shape)
        case "empirical":
            position = u * (len(dist.quantiles) - 1)
            low, high = (q / SECOND for q in dist.quantiles[int(position) : int(position) + 2])
            seconds = low + (high - low) * (position - int(position))
        case other:
            raise AssertionError(other)
    return float(seconds)
