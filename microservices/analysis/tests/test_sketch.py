"""The latency buckets: their bounds, their error, their quantiles and their merging, against exact numpy."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from analysis_testing.naive import naive_bucket
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.sketch import (
    BUCKETS,
    RELATIVE_ERROR,
    bars,
    bucket_at_rank,
    bucket_edges,
    bucket_of,
    buckets_of,
    quantile,
    rank_of,
)

nanoseconds = st.one_of(
    st.integers(min_value=0, max_value=2**63 - 1),
    st.integers(min_value=0, max_value=300),
    st.integers(min_value=0, max_value=62).map(lambda power: 2**power),
    st.integers(min_value=1, max_value=62).map(lambda power: 2**power - 1),
)
wild = st.lists(st.integers(min_value=0, max_value=10**15), min_size=1, max_size=200)


def counted(values: list[int] | np.ndarray) -> tuple[np.ndarray, int]:
    """Counts per bucket over the used range, and the first bucket."""
    indexes = buckets_of(np.asarray(values, np.int64))
    first = int(indexes.min())
    return np.bincount(indexes - first), first


@settings(deadline=None)
@given(value=nanoseconds)
def test_the_bucket_is_the_one_of_the_definition(value: int) -> None:
    assert bucket_of(value) == naive_bucket(value)
    assert buckets_of(np.array([value])).tolist() == [naive_bucket(value)]


@settings(deadline=None)
@given(value=st.integers(min_value=0, max_value=2**53))
def test_a_value_lies_within_its_bucket(value: int) -> None:
    low, high = bucket_edges(bucket_of(value))
    assert low <= value < high


@settings(deadline=None)
@given(value=st.integers(min_value=1, max_value=2**53))
def test_the_midpoint_is_within_the_stated_error(value: int) -> None:
    low, high = bucket_edges(bucket_of(value))
    assert abs((low + high) / 2 - value) <= RELATIVE_ERROR * value
    assert RELATIVE_ERROR <= 0.004


@settings(deadline=None)
@given(left=nanoseconds, right=nanoseconds)
def test_buckets_keep_the_order(left: int, right: int) -> None:
    if left <= right:
        assert bucket_of(left) <= bucket_of(right)


def test_indexes_start_at_zero_and_stay_below_the_stated_number() -> None:
    assert bucket_of(0) == 0
    assert bucket_of(1) == 1
    assert bucket_of(2) == 129
    assert bucket_of(2**63 - 1) == BUCKETS - 1  # rounds up to 2^63 as a float
    assert bucket_edges(0) == (0.0, 1.0)


def test_edges_join_without_a_gap() -> None:
    edges = [bucket_edges(index) for index in range(BUCKETS)]
    assert all(left[1] == right[0] for left, right in pairwise(edges))


@pytest.mark.parametrize("index", [-1, BUCKETS])
def test_an_index_out_of_range_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match=f"expected 0 to {BUCKETS - 1}, found {index}"):
        bucket_edges(index)


@pytest.mark.parametrize(
    ("share", "count", "rank"),
    [
        (0.0, 10, 1),
        (0.5, 10, 5),
        (0.5, 11, 6),
        (0.99, 100, 99),
        (0.99, 101, 100),
        (0.999, 1000, 999),
        (0.999, 999, 999),
        (1.0, 7, 7),
        (0.07, 100, 7),  # 0.07 * 100 is 7.000000000000001 in binary64
        (0.29, 100, 29),
    ],
)
def test_ranks_are_exact(share: float, count: int, rank: int) -> None:
    assert rank_of(share, count) == rank


@pytest.mark.parametrize(("share", "count"), [(-0.1, 1), (1.1, 1), (math.nan, 1), (0.5, 0)])
def test_impossible_ranks_are_refused(share: float, count: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        rank_of(share, count)


def test_the_bucket_at_a_rank_skips_empty_ones() -> None:
    counts = np.array([2, 0, 0, 3])
    assert [bucket_at_rank(counts, rank) for rank in range(1, 6)] == [0, 0, 3, 3, 3]


@settings(deadline=None)
@given(values=wild, share=st.sampled_from([0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]))
def test_quantiles_are_within_half_a_per_cent_of_exact_ones(values: list[int], share: float) -> None:
    counts, first = counted(values)
    found = quantile(counts, first, share, min(values), max(values))
    exact = sorted(values)[rank_of(share, len(values)) - 1]
    assert found is not None
    assert abs(found - exact) <= 0.005 * exact
    assert min(values) <= found <= max(values)


@pytest.mark.parametrize("law", ["lognormal", "pareto", "bimodal", "constant", "uniform"])
def test_quantiles_of_many_values_agree_with_numpy(law: str) -> None:
    rng = np.random.default_rng(11)
    size = 100_000
    values = {
        "lognormal": rng.lognormal(17, 2, size),
        "pareto": (1 + rng.pareto(1.1, size)) * 1e6,
        "bimodal": np.where(rng.random(size) < 0.985, 1e6, 5e9) + rng.random(size) * 1e5,
        "constant": np.full(size, 123_456_789.0),
        "uniform": rng.random(size) * 1e9,
    }[law].astype(np.int64)
    counts, first = counted(values)
    for share in (0.5, 0.9, 0.95, 0.99, 0.999):
        exact = float(np.quantile(values, share, method="inverted_cdf"))
        found = quantile(counts, first, share, int(values.min()), int(values.max()))
        assert found == pytest.approx(exact, rel=0.004)


def test_equal_values_are_their_own_quantiles() -> None:
    counts, first = counted([1_000_003] * 9)
    assert quantile(counts, first, 0.99, 1_000_003, 1_000_003) == 1_000_003.0


def test_zeros_have_the_quantile_zero() -> None:
    counts, first = counted([0, 0, 5])
    assert quantile(counts, first, 0.5, 0, 5) == 0.0


def test_no_values_have_no_quantile() -> None:
    assert quantile(np.zeros(4, np.int64), 7, 0.5, 0, 0) is None
    assert quantile(np.zeros(0, np.int64), 0, 0.5, 0, 0) is None


@settings(deadline=None)
@given(left=wild, right=wild)
def test_merged_counts_are_the_counts_of_the_whole(left: list[int], right: list[int]) -> None:
    whole = np.bincount(buckets_of(np.array(left + right)), minlength=BUCKETS)
    parts = [np.bincount(buckets_of(np.array(part)), minlength=BUCKETS) for part in (left, right)]
    assert np.array_equal(parts[0] + parts[1], whole)


@settings(deadline=None)
@given(values=wild, most=st.integers(min_value=1, max_value=50))
def test_bars_hold_every_value_once(values: list[int], most: int) -> None:
    counts, first = counted(values)
    found = bars(counts, first, most)
    assert 1 <= len(found) <= most
    assert sum(bar["count"] for bar in found) == len(values)
    assert all(left["high"] <= right["low"] for left, right in pairwise(found))
    for value in values:
        assert any(bar["low"] <= value < bar["high"] for bar in found)


def test_bars_do_not_depend_on_the_rest_of_the_table() -> None:
    counts, first = counted([1000, 1500, 2500])
    wider = np.concatenate([np.zeros(40, np.int64), counts, np.zeros(9, np.int64)])
    assert bars(counts, first, 10) == bars(wider, first - 40, 10)


def test_no_values_have_no_bars() -> None:
    assert bars(np.zeros(3, np.int64), 0, 10) == []


def test_bars_reach_to_the_last_bucket() -> None:
    (bar,) = bars(np.ones(BUCKETS, np.int64), 0, 1)
    assert bar == {"low": 0.0, "high": bucket_edges(BUCKETS - 1)[1], "count": BUCKETS}
