"""How much there is to simulate: the requests that a trial is expected to have."""

import math
from collections.abc import Sequence

from headroom_common.scenario.arrivals import (
    ClosedArrivals,
    DeterministicArrivals,
    PoissonArrivals,
    RatePoint,
    RateProfile,
    TraceArrivals,
    UserArrivals,
    WorkloadSpec,
)
from headroom_common.scenario.distributions import (
    Constant,
    Dist,
    Empirical,
    Pareto,
    Uniform,
    Weibull,
)
from headroom_common.scenario.model import Scenario
from headroom_common.scenario.units import NANOSECONDS_PER_SECOND


def expected_requests(scenario: Scenario) -> float:
    """Return how many requests arrive in one trial on average.

    In closed loops, whose users wait for their answers, it is what they would send if every answer came at
    once: the most that there can be.
    """
    horizon = scenario.spec.horizon
    return math.fsum(_requests(workload, horizon) for workload in scenario.spec.workloads)


def _requests(workload: WorkloadSpec, horizon: int) -> float:
    match workload.arrivals:
        case UserArrivals(users=users, rate_per_user=rate):
            return users.mean * rate * horizon / NANOSECONDS_PER_SECOND
        case TraceArrivals(times=times):
            return float(sum(time < horizon for time in times))
        case ClosedArrivals(users=users, think_time=think_time):
            return users * horizon / max(_mean_ns(think_time), 1.0)
        case (
            PoissonArrivals(rate=RateProfile() as profile)
            | DeterministicArrivals(rate=RateProfile() as profile)
        ):
            return _area(profile.points, horizon, linear=profile.shape == "linear")
        case PoissonArrivals(rate=float() as rate) | DeterministicArrivals(rate=float() as rate):
            return rate * horizon / NANOSECONDS_PER_SECOND
        case _:  # pragma: no cover - there are no other kinds
            return math.nan


def _area(points: Sequence[RatePoint], horizon: int, *, linear: bool) -> float:
    """Return the requests under a profile; the last rate stays."""
    total = 0.0
    ends = [*points[1:], RatePoint.model_construct(at=max(horizon, points[-1].at), rate=points[-1].rate)]
    for point, following in zip(points, ends, strict=True):
        stop = min(following.at, horizon)
        if stop <= point.at:
            continue
        mean = point.rate
        if linear:
            reached = (stop - point.at) / (following.at - point.at)
            mean += (following.rate - point.rate) * reached / 2
        total += mean * (stop - point.at) / NANOSECONDS_PER_SECOND
    return total


def _mean_ns(law: Dist) -> float:
    """Return the mean of a law in nanoseconds, before a truncation at 0."""
    match law:
        case Constant(value=value):
            return float(value)
        case Uniform(low=low, high=high):
            return (low + high) / 2
        case Weibull(shape=shape, scale=scale):
            return scale * math.exp(math.lgamma(1 + 1 / shape))
        case Pareto(shape=shape, minimum=minimum):
            return minimum * shape / (shape - 1) if shape > 1 else math.inf
        case Empirical(quantiles=quantiles):
            # Trapezoids: straight lines between equally spaced quantiles.
            inner = sum(quantiles[1:-1])
            return (inner + (quantiles[0] + quantiles[-1]) / 2) / (len(quantiles) - 1)
        case _:
            return float(law.mean)
