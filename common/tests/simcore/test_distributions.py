from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from simcore_testing import plain
from simcore_testing.worlds import SAMPLES, STREAM, world_of_laws

from headroom_common.simcore.distributions import (
    LONGEST_NS,
    nanoseconds,
    normal_quantile,
    poisson,
    sample_ns,
    standard_gamma,
    truncated_normal,
)
from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.sites import STEP, USERS

if TYPE_CHECKING:
    from headroom_common.simcore.tables import Floats

FAST = settings(max_examples=150, deadline=None)
MS = 1e-3
QUANTILES = (0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)


def law(name: str, **parameters: Any) -> dict[str, Any]:
    return {"distribution": name} | parameters


def lognormal(mean: float, sd: float) -> Any:
    variance = math.log1p((sd / mean) ** 2)
    return stats.lognorm(math.sqrt(variance), scale=mean * math.exp(-variance / 2))


def gamma(mean: float, sd: float) -> Any:
    shape = (mean / sd) ** 2
    return stats.gamma(shape, scale=mean / shape)


def normal(mean: float, sd: float) -> Any:
    return stats.truncnorm(-mean / sd, math.inf, loc=mean, scale=sd)


CONTINUOUS = {
    "exponential": (law("exponential", mean="8ms"), stats.expon(scale=8 * MS)),
    "normal": (law("normal", mean="50ms", sd="5ms"), normal(50 * MS, 5 * MS)),
    "normal, cut in its middle": (law("normal", mean="0ms", sd="5ms"), normal(0.0, 5 * MS)),
    "normal, much below zero": (law("normal", mean="3ms", sd="6ms"), normal(3 * MS, 6 * MS)),
    "lognormal": (law("lognormal", mean="8ms", sd="4ms"), lognormal(8 * MS, 4 * MS)),
    "lognormal, wide": (law("lognormal", mean="8ms", sd="8ms"), lognormal(8 * MS, 8 * MS)),
    "uniform": (law("uniform", low="1ms", high="5ms"), stats.uniform(MS, 4 * MS)),
    "gamma": (law("gamma", mean="10ms", sd="5ms"), gamma(10 * MS, 5 * MS)),
    "gamma of shape 1": (law("gamma", mean="10ms", sd="10ms"), gamma(10 * MS, 10 * MS)),
    "gamma of shape 1/4": (law("gamma", mean="10ms", sd="20ms"), gamma(10 * MS, 20 * MS)),
    "gamma of shape 400": (law("gamma", mean="10ms", sd="500us"), gamma(10 * MS, 0.5 * MS)),
    "weibull": (law("weibull", shape=1.5, scale="10ms"), stats.weibull_min(1.5, scale=10 * MS)),
    "weibull, heavy": (law("weibull", shape=0.7, scale="10ms"), stats.weibull_min(0.7, scale=10 * MS)),
    "pareto": (law("pareto", shape=9.0, minimum="2ms"), stats.pareto(9.0, scale=2 * MS)),
}


def samples(document: dict[str, Any], site: int = STEP) -> Floats:
    """Samples of a law in seconds."""
    world = world_of_laws([document])
    handle = world.handle
    drawn = (sample_ns(handle, 0, n << 16, site) for n in range(SAMPLES))
    return np.fromiter(drawn, np.float64, SAMPLES) / 1e9


@pytest.mark.parametrize("name", list(CONTINUOUS))
def test_a_law_has_its_mean_its_deviation_and_its_quantiles(name: str) -> None:
    document, reference = CONTINUOUS[name]
    found = samples(document)
    n = len(found)
    mean, variance, _, excess = (float(value) for value in reference.stats("mvsk"))
    assert abs(found.mean() - mean) < 5 * math.sqrt(variance / n)
    # The standard error of a variance: sqrt((kurtosis - 1) / n) of it.
    assert abs(found.var() - variance) < 5 * variance * math.sqrt((excess + 2) / n)
    for quantile in QUANTILES:
        bound = (math.floor(reference.ppf(quantile) * 1e9) + 0.5) / 1e9  # between two whole nanoseconds
        p = float(reference.cdf(bound))
        assert abs((found <= bound).mean() - p) < 5 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("name", list(CONTINUOUS))
def test_other_sites_give_independent_samples(name: str) -> None:
    document, reference = CONTINUOUS[name]
    # Ranks have all moments.
    left, right = (reference.cdf(samples(document, site)[: SAMPLES // 4]) for site in (STEP, STEP + 1))
    assert abs(((left - 0.5) * (right - 0.5)).mean() * 12 * math.sqrt(len(left))) < 5


@pytest.mark.parametrize("mean_ms", [0.2, 3, 40, 500, 501, 2500])
def test_poisson_durations_are_whole_milliseconds(mean_ms: float) -> None:
    # Sequential inversion takes as many steps as the value drawn.
    n = SAMPLES // 10
    world = world_of_laws([law("poisson", mean=f"{mean_ms}ms")])
    handle = world.handle
    drawn = np.array([sample_ns(handle, 0, k << 16, STEP) for k in range(n)])
    assert not (drawn % 1_000_000).any()
    found = drawn / 1e6
    assert abs(found.mean() - mean_ms) < 5 * math.sqrt(mean_ms / n)
    assert abs(found.var() - mean_ms) < 5 * mean_ms * math.sqrt((1 / mean_ms + 2) / n)
    reference = stats.poisson(mean_ms)
    for value in {int(reference.ppf(p)) for p in QUANTILES}:
        p = float(reference.cdf(value))
        assert abs((found <= value).mean() - p) <= 5 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("mean", [1e5, 1e6])
def test_poisson_counts_of_large_means(mean: float) -> None:
    n = 200 if COMPILED else 3
    found = np.array([poisson(mean, STREAM, k, USERS) for k in range(n)], np.float64)
    assert abs(found.mean() - mean) < 5 * math.sqrt(mean / n)
    if COMPILED:
        assert abs(found.var(ddof=1) - mean) < 5 * mean * math.sqrt(2 / (n - 1))


def test_poisson_of_nothing_is_nothing() -> None:
    assert poisson(0.0, STREAM, 1, USERS) == 0
    assert {int(poisson(1e-9, STREAM, k, USERS)) for k in range(1000)} == {0}


@pytest.mark.parametrize("shape", [0.05, 0.5, 0.999, 1.0, 1.5, 30.0])
def test_gamma_of_any_shape(shape: float) -> None:
    n = SAMPLES // 2
    found = np.array([standard_gamma(shape, STREAM, k << 16, STEP) for k in range(n)])
    assert (found >= 0).all()
    assert abs(found.mean() - shape) < 5 * math.sqrt(shape / n)
    for p in (0.25, 0.5, 0.9, 0.99):
        below = float((found <= stats.gamma(shape).ppf(p)).mean())
        assert abs(below - p) < 5 * math.sqrt(p * (1 - p) / n)


def test_measured_quantiles_are_joined_by_straight_lines() -> None:
    knots = [1, 2, 2, 9, 30]
    document = law("empirical", quantiles=[f"{knot}ms" for knot in knots])
    found = samples(document) * 1e3
    assert found.min() >= 1
    assert found.max() <= 30
    n = len(found)
    mean = sum((a + b) / 2 for a, b in pairwise(knots)) / 4
    second = sum((a * a + a * b + b * b) / 3 for a, b in pairwise(knots)) / 4
    assert abs(found.mean() - mean) < 5 * math.sqrt((second - mean**2) / n)
    for value, p in ((1.5, 0.125), (2 + 1e-6, 0.5), (5.5, 0.625), (9, 0.75), (19.5, 0.875)):
        assert abs((found <= value).mean() - p) < 5 * math.sqrt(p * (1 - p) / n)


@FAST
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=9), st.integers(0, 2**40))
def test_an_empirical_sample_is_numpys_interpolation(quantiles: list[int], identity: int) -> None:
    ordered = sorted(quantiles)
    world = world_of_laws([law("empirical", quantiles=[f"{q}us" for q in ordered])])
    handle = world.handle
    u = plain.uniform(STREAM, identity, STEP)
    expected = np.interp(u, np.linspace(0, 1, len(ordered)), np.array(ordered) * 1e3)
    assert abs(sample_ns(handle, 0, identity, STEP) - expected) <= 1


@FAST
@given(st.floats(2**-53, 1 - 2**-53))
@example(2**-53)
@example(1 - 2**-53)
@example(0.5)
@example(0.075)
@example(0.925)
def test_the_normal_quantile_is_the_standard_librarys(p: float) -> None:
    expected = NormalDist().inv_cdf(p)
    assert normal_quantile(p) == pytest.approx(expected, rel=2e-15, abs=1e-16)


@FAST
@given(st.floats(0, 1e3), st.floats(1e-6, 1e3), st.floats(2**-53, 1 - 2**-53))
@example(0.0, 1e3, 1 - 2**-53)
@example(1e3, 1e-6, 2**-53)
def test_truncation_keeps_samples_positive_and_in_order(mean: float, sd: float, u: float) -> None:
    below = 0.5 * math.erfc(mean / sd / math.sqrt(2))
    value = truncated_normal(mean, sd, below, u)
    assert 0.0 <= value < mean + 9 * sd
    assert value <= truncated_normal(mean, sd, below, min(u * 1.01, 1 - 2**-53))


@FAST
@given(st.floats(-1e3, 1e8, allow_nan=False))
@example(0.4e-9)
@example(0.5e-9)
@example(1.4999e-9)
@example(-1.0)
@example(1e300)
def test_seconds_become_whole_nanoseconds(seconds: float) -> None:
    found = nanoseconds(seconds)
    assert found == min(max(int(min(seconds, 1e10) * 1e9 + 0.5), 0), LONGEST_NS)


def test_half_a_nanosecond_rounds_up() -> None:
    assert [nanoseconds(x) for x in (0.49e-9, 0.5e-9, 1.49e-9, 1.5e-9)] == [0, 1, 1, 2]
    assert nanoseconds(0.012) == 12_000_000
    assert nanoseconds(math.inf) == LONGEST_NS
    assert nanoseconds(-math.inf) == 0


def test_no_sample_is_longer_than_the_longest() -> None:
    world = world_of_laws([law("pareto", shape=0.01, minimum="1h")])
    handle = world.handle
    found = [sample_ns(handle, 0, k, STEP) for k in range(2000)]
    assert max(found) == LONGEST_NS
    assert min(found) >= 3_600_000_000_000


@pytest.mark.parametrize("name", ["normal", "lognormal"])
def test_no_deviation_means_a_constant(name: str) -> None:
    world = world_of_laws([law(name, mean="7ms", sd="0s")])
    handle = world.handle
    assert {sample_ns(handle, 0, k, STEP) for k in range(100)} == {7_000_000}
    world = world_of_laws(["7ms"])
    handle = world.handle
    assert sample_ns(handle, 0, 1, STEP) == 7_000_000
