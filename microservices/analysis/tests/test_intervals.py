"""Intervals against tables, against their promised coverage, and MSER-5 against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import bdtr

from headroom_analysis.domain.intervals import (
    Figure,
    figure_of,
    mser5,
    quantile_interval,
    student_t,
)

numbers = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [
        (0.975, 1, 12.7062047),
        (0.975, 4, 2.7764451),
        (0.975, 9, 2.2621572),
        (0.975, 29, 2.0452296),
        (0.95, 9, 1.8331129),
        (0.995, 9, 3.2498355),
        (0.5, 9, 0.0),
    ],
)
def test_student_t_agrees_with_the_printed_table(probability: float, degrees: int, expected: float) -> None:
    assert student_t(probability, degrees) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("probability", "degrees"), [(0.0, 3), (1.0, 3), (0.9, 0)])
def test_impossible_quantiles_of_t_are_refused(probability: float, degrees: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        student_t(probability, degrees)


def test_an_interval_by_hand() -> None:
    # mean 3, s = sqrt(2.5), half width 2.776445 * sqrt(2.5 / 5)
    figure = figure_of([1.0, 2.0, 3.0, 4.0, 5.0], 0.95)
    assert figure.value == 3.0
    assert figure.low == pytest.approx(3 - 1.9632432, abs=1e-6)
    assert figure.high == pytest.approx(3 + 1.9632432, abs=1e-6)
    assert figure.half_width == pytest.approx(1.9632432, abs=1e-6)
    assert figure.relative_half_width == pytest.approx(0.6544144, abs=1e-6)


def test_no_data_give_no_value() -> None:
    assert figure_of([None, None], 0.95) == Figure(None, None, None)
    assert figure_of([], 0.95).relative_half_width is None


def test_one_trial_gives_no_interval() -> None:
    assert figure_of([4.0, None], 0.95) == Figure(4.0, None, None)
    assert figure_of([4.0], 0.95).half_width is None


def test_trials_without_data_are_left_out() -> None:
    assert figure_of([1.0, None, 3.0], 0.9) == figure_of([1.0, 3.0], 0.9)


@given(value=numbers, count=st.integers(min_value=2, max_value=9))
def test_equal_trials_give_an_interval_of_no_width(value: float, count: int) -> None:
    figure = figure_of([value] * count, 0.95)
    assert (figure.value, figure.low, figure.high) == (value, value, value)
    assert figure.relative_half_width == 0.0


def test_a_relative_width_around_zero_is_unknown() -> None:
    assert figure_of([-1.0, 1.0], 0.95).relative_half_width is None


@given(values=st.lists(numbers, min_size=2, max_size=20), data=st.data())
def test_the_order_of_the_trials_does_not_matter(values: list[float], data: st.DataObject) -> None:
    assert figure_of(values, 0.95) == figure_of(data.draw(st.permutations(values)), 0.95)


@given(values=st.lists(numbers, min_size=2, max_size=20))
def test_more_confidence_is_a_wider_interval(values: list[float]) -> None:
    narrow, wide = figure_of(values, 0.8), figure_of(values, 0.99)
    assert narrow.value == wide.value
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low <= narrow.low


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(20261120)
    samples = rng.normal(10, 3, (4000, 5))
    covered = 0
    for sample in samples.tolist():
        figure = figure_of(sample, 0.9)
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= 10 <= figure.high
    # 4,000 Bernoulli trials of 0.9: four standard errors are 0.019
    assert covered / 4000 == pytest.approx(0.9, abs=0.019)


def test_the_document_of_a_figure() -> None:
    assert Figure(1.0, 0.5, 1.5).document() == {"value": 1.0, "low": 0.5, "high": 1.5}


def naive_coverage(count: int, low: int, high: int, share: float) -> float:
    """P(the low-th ≤ quantile < the high-th smallest) of so many observations."""
    return sum(
        math.comb(count, below) * share**below * (1 - share) ** (count - below) for below in range(low, high)
    )


@pytest.mark.parametrize(
    ("count", "share", "low", "high"),
    [
        (10, 0.5, 2, 9),  # the sign-test interval of the median at 95 %
        (20, 0.5, 6, 15),
        (30, 0.5, 10, 21),
    ],
)
def test_quantile_intervals_have_the_least_ranks_that_cover(
    count: int, share: float, low: int, high: int
) -> None:
    found = quantile_interval(list(range(1, count + 1)), share, 0.95)
    assert found is not None
    width = high - low
    assert found[1] - found[0] == width
    assert naive_coverage(count, int(found[0]), int(found[1]), share) >= 0.95
    assert all(
        naive_coverage(count, start, start + width - 1, share) < 0.95 for start in range(1, count - width + 2)
    )


@given(
    count=st.integers(min_value=1, max_value=40),
    share=st.sampled_from([0.1, 0.5, 0.9]),
    confidence=st.sampled_from([0.8, 0.95]),
)
def test_quantile_intervals_cover_or_are_refused(count: int, share: float, confidence: float) -> None:
    found = quantile_interval([float(value) for value in range(count, 0, -1)], share, confidence)
    widest = naive_coverage(count, 1, count, share)
    if found is None:
        assert widest < confidence + 1e-9
    else:
        assert naive_coverage(count, int(found[0]), int(found[1]), share) >= confidence - 1e-9


def test_too_few_observations_have_no_quantile_interval() -> None:
    assert quantile_interval([], 0.5, 0.95) is None
    assert quantile_interval([1.0, 2.0, 3.0], 0.99, 0.95) is None


def naive_mser5(series: list[float]) -> int:
    """The rule by its definition: try every truncation point."""
    means = [sum(series[at : at + 5]) / 5 for at in range(0, len(series) - 4, 5)]
    if len(means) < 2:
        return 0
    merits = []
    for cut in range(len(means) // 2 + 1):
        rest = means[cut:]
        mean = sum(rest) / len(rest)
        merits.append(sum((value - mean) ** 2 for value in rest) / len(rest) ** 2)
    return merits.index(min(merits)) * 5


@settings(max_examples=100)
@given(seed=st.integers(min_value=0, max_value=10**6), size=st.integers(min_value=0, max_value=120))
def test_mser5_is_its_definition(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    series = rng.normal(100, 5, size) - 80 * np.exp(-np.arange(size) / 10)
    assert mser5(series) == naive_mser5(series.tolist())


def test_mser5_cuts_a_start_up_and_not_a_steady_series() -> None:
    rng = np.random.default_rng(2)
    steady = rng.normal(10, 1, 1000)
    assert mser5(steady) <= 250
    start = steady.copy()
    start[:200] += np.linspace(50, 0, 200)
    assert 150 <= mser5(start) <= 300


@pytest.mark.parametrize("size", [0, 4, 9])
def test_mser5_of_too_little_cuts_nothing(size: int) -> None:
    assert mser5(np.arange(size, dtype=np.float64)) == 0


def test_mser5_of_a_constant_cuts_nothing() -> None:
    assert mser5(np.full(50, 3.0)) == 0


def test_what_an_interval_excludes() -> None:
    assert Figure(2.0, 1.0, 3.0).excludes(0.0)
    assert Figure(-2.0, -3.0, -1.0).excludes(0.0)
    assert not Figure(2.0, 0.0, 4.0).excludes(0.0)
    assert not Figure(2.0).excludes(0.0)


@given(
    values=st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=60),
    share=st.floats(0.01, 0.99),
    confidence=st.floats(0.5, 0.999),
)
def test_quantile_intervals_are_those_of_looking_at_all_pairs(
    values: list[float], share: float, confidence: float
) -> None:
    count = len(values)
    below = bdtr(np.arange(count + 1, dtype=np.float64), count, share)
    pairs = [
        (high - low, abs((low + high) / 2 - (count + 1) * share), low, high)
        for low in range(1, count + 1)
        for high in range(low + 1, count + 1)
        if below[high - 1] - below[low - 1] >= confidence
    ]
    ordered = sorted(values)
    expected = None
    if pairs:
        _, _, low, high = min(pairs)
        expected = (ordered[low - 1], ordered[high - 1])
    assert quantile_interval(values, share, confidence) == expected


def test_a_quantile_of_very_many_values_is_found() -> None:
    found = quantile_interval([float(value) for value in range(100_000)], 0.5, 0.95)
    assert found is not None
    # the normal approximation of the ranks: n / 2 ± 1.96 · sqrt(n) / 2
    assert found[0] == pytest.approx(50_000 - 310, abs=3)
    assert found[1] == pytest.approx(50_000 + 310, abs=3)
