"""Differences of two samples against scipy, Holm's procedure against its definition, what pairing gains."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_ind, ttest_rel

from headroom_analysis.domain.intervals import Figure
from headroom_analysis.domain.two_samples import Difference, difference_of, difference_of_means, gain_of, holm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

samples = st.lists(st.floats(0, 1e3), min_size=2, max_size=12).filter(lambda sample: np.ptp(sample) > 1e-3)
pairs_of_numbers = st.lists(st.tuples(st.floats(0, 1e3), st.floats(0, 1e3)), min_size=2, max_size=12)
varying_pairs = pairs_of_numbers.filter(lambda pairs: np.ptp([b - a for a, b in pairs]) > 1e-3)
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(samples, samples, st.sampled_from([0.8, 0.95, 0.999]))
def test_welch_is_that_of_scipy(first: list[float], second: list[float], confidence: float) -> None:
    difference = difference_of_means(first, second)
    figure = difference.figure(confidence)
    expected = ttest_ind(second, first, equal_var=False)
    interval = expected.confidence_interval(confidence)
    assert figure.value == pytest.approx(np.mean(second) - np.mean(first), abs=1e-9)
    assert (figure.low, figure.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)
    assert difference.p_value() == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-9)


@given(varying_pairs)
def test_the_paired_test_is_that_of_scipy(pairs: list[tuple[float, float]]) -> None:
    first, second = columns(pairs)
    difference = difference_of(first, second)
    figure = difference.figure(0.95)
    expected = ttest_rel(second, first)
    interval = expected.confidence_interval(0.95)
    assert (figure.low, figure.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)
    assert difference.p_value() == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-9)


@given(pairs_of_numbers, st.sampled_from([0.8, 0.95, 0.999]))
def test_an_interval_excludes_0_where_the_p_value_is_small(
    pairs: list[tuple[float, float]], confidence: float
) -> None:
    for difference in (difference_of(*columns(pairs)), difference_of_means(*columns(pairs))):
        p_value = difference.p_value()
        assert p_value is not None
        if not math.isclose(p_value, 1 - confidence, rel_tol=1e-9):
            assert difference.figure(confidence).excludes(0.0) == (p_value < 1 - confidence)


def test_differences_without_enough_data() -> None:
    assert difference_of_means([], [1.0, 2.0]) == Difference()
    assert difference_of_means([1.0, None], [1.0, 2.0]) == Difference(0.5)
    assert difference_of_means([1.0, 1.0], [3.0, 3.0]).figure(0.95) == Figure(2.0, 2.0, 2.0)
    assert difference_of([1.0, None], [None, 2.0]) == Difference()
    assert Difference(0.5).figure(0.95) == Figure(0.5)
    assert (Difference().p_value(), Difference(0.5).p_value()) == (None, None)
    with pytest.raises(ValueError, match="shorter"):
        difference_of([1.0, 2.0], [1.0])


def test_what_never_varies_is_certain() -> None:
    assert difference_of([1.0, 2.0], [1.0, 2.0]).p_value() == 1
    assert difference_of([1.0, 2.0], [2.0, 3.0]).p_value() == 0


def test_welch_keeps_its_promise_whatever_the_variances() -> None:
    rng, covered, rounds = np.random.default_rng(5), 0, 2000
    for _ in range(rounds):
        figure = difference_of_means(rng.normal(10, 1, 6), rng.normal(11, 5, 15)).figure(0.9)
        covered += not figure.excludes(1.0)
    # Three standard deviations of the number covered, and what Welch's degrees of freedom are off by.
    assert covered / rounds == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / rounds) + 0.005)


def by_closure(p_values: Sequence[float]) -> list[float]:
    """Holm's procedure as what it is: all sets of hypotheses tested with Bonferroni's inequality.

    A hypothesis falls where every set that it belongs to falls (Marcus, Peritz and Gabriel, 1976).
    """
    every = range(len(p_values))
    sets = [one for size in range(1, len(p_values) + 1) for one in combinations(every, size)]
    of_set = {one: min(1.0, len(one) * min(p_values[index] for index in one)) for one in sets}
    return [max(p_value for one, p_value in of_set.items() if index in one) for index in every]


@given(probabilities)
def test_holm_is_the_closed_procedure(p_values: list[float]) -> None:
    assert holm(p_values) == by_closure(p_values)


@given(probabilities, st.randoms(use_true_random=False))
def test_holm_knows_no_order_and_lowers_nothing(p_values: list[float], random: Random) -> None:
    adjusted = dict(zip(p_values, holm(p_values), strict=True))
    shuffled = random.sample(p_values, len(p_values))
    assert [adjusted[p_value] for p_value in shuffled] == holm(shuffled)
    for p_value, larger in adjusted.items():
        assert p_value <= larger <= min(1.0, len(p_values) * p_value)
    ascending = [adjusted[p_value] for p_value in sorted(p_values)]
    assert ascending == sorted(ascending)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_holm_keeps_its_promise() -> None:
    # Four tests in which nothing differs, all of the same numbers: the worst that dependence can do.
    rng, false, rounds = np.random.default_rng(7), 0, 2000
    for _ in range(rounds):
        pairs = rng.normal(0, 1, (4, 2, 8)) + rng.normal(0, 1, 8)
        p_values = [difference_of(first, second).p_value() for first, second in pairs.tolist()]
        false += min(holm([p_value for p_value in p_values if p_value is not None])) < 0.1
    assert false / rounds <= 0.1 + 3 * math.sqrt(0.09 / rounds)


def test_what_pairing_gains_by_hand() -> None:
    gain = gain_of([1.0, 2.0, 3.0, 4.0, 5.0], [1.5, 2.0, 3.5, 4.0, 5.5], 0.95)
    assert gain is not None
    assert gain.variance_ratio == pytest.approx((2.5 + 2.5) / 0.075 + 1)  # s_b² is 2.575
    assert gain.unpaired_trials == fewest(2.5, 2.575, 0.075, 5, 0.95) - 5


def test_what_is_paired_for_nothing() -> None:
    gain = gain_of([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], 0.95)  # what one gains, the other loses
    assert gain is not None
    assert gain.variance_ratio == pytest.approx(0.5)
    assert gain.unpaired_trials <= 0


@given(varying_pairs, st.sampled_from([0.8, 0.95, 0.999]))
def test_so_many_unpaired_trials_give_the_same_width(
    pairs: list[tuple[float, float]], confidence: float
) -> None:
    first, second = columns(pairs)
    gain = gain_of(first, second, confidence)
    if gain is not None and gain.variance_ratio < 20:
        a, b, d = (float(np.var(one, ddof=1)) for one in (first, second, np.subtract(second, first)))
        expected = fewest(a, b, d, len(pairs), confidence)
        assert gain.variance_ratio == pytest.approx((a + b) / d)
        assert gain.unpaired_trials + len(pairs) == pytest.approx(expected, abs=1)  # a width may be just so


def test_nothing_is_gained_where_nothing_varies() -> None:
    assert gain_of([1.0], [2.0], 0.95) is None
    assert gain_of([1.0, None, 3.0], [2.0, 5.0, None], 0.95) is None
    assert gain_of([1.0, 2.0], [3.0, 4.0], 0.95) is None
    assert gain_of([0.1, 0.7, 0.2], [0.1 + 1e-9, 0.7 + 1e-9, 0.2 + 1e-9], 0.95) is None  # but for rounding


def columns(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [a for a, _ in pairs], [b for _, b in pairs]


def fewest(a: float, b: float, d: float, pairs: int, confidence: float) -> int:
    """The fewest trials of each of two independent samples, tried one after the other."""
    wanted = t.ppf((1 + confidence) / 2, pairs - 1) * math.sqrt(d / pairs)
    trials = 2
    while True:
        degrees = (trials - 1) * (a + b) ** 2 / (a * a + b * b)
        if t.ppf((1 + confidence) / 2, degrees) * math.sqrt((a + b) / trials) <= wanted:
            return trials
        trials += 1
