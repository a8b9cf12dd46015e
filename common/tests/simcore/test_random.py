from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simcore_testing import plain
from simcore_testing.worlds import SAMPLES, STREAM

from headroom_common.simcore.random import (
    draw_index,
    later_trials,
    mix64,
    request_hash,
    ring_point,
    site_key,
    stream_key,
    trial_stream,
    uniform,
)
from headroom_common.simcore.sites import GAP, STEP, SUBSITE, THINK

if TYPE_CHECKING:
    from headroom_common.simcore.tables import Floats

FAST = settings(max_examples=150, deadline=None)
KEYS = st.integers(-(2**63), 2**63 - 1)
IDS = st.one_of(st.integers(0, 2**62), st.integers(2**62 - 1000, 2**62 + 1000))
SITES = st.one_of(st.integers(0, 5000), st.integers(0, 200).map(lambda k: STEP + k * SUBSITE))


def draw_bits(stream: int, identity: int, site: int) -> int:
    """The 64 bits behind a draw."""
    total = (request_hash(stream, identity) + site_key(site) + 2**63) % 2**64 - 2**63
    return int(mix64(total))


def draws(site: int, *, count: int = SAMPLES, stream: int = STREAM) -> Floats:
    """The draws of requests 0, 1, 2, … of workload 3."""
    return np.fromiter((uniform(stream, n << 16 | 3, site) for n in range(count)), np.float64, count)


@FAST
@given(KEYS, IDS, SITES)
@example(-(2**63), 2**62, 2**40)
@example(2**63 - 1, 0, 0)
def test_a_draw_is_the_hash_that_the_specification_says(stream: int, identity: int, site: int) -> None:
    assert draw_bits(stream, identity, site) == plain.draw_bits(stream, identity, site)
    assert uniform(stream, identity, site) == plain.uniform(stream, identity, site)


@FAST
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**31))
def test_a_trials_key_is_the_hash_that_the_specification_says(seed: int, trial: int) -> None:
    assert int(stream_key(seed, trial)) == plain.stream_key(seed, trial)


@FAST
@given(KEYS, st.integers(0, 10**7))
def test_ring_points_are_positive_and_as_specified(base: int, number: int) -> None:
    point = int(ring_point(base, number))
    assert point == plain.ring_point(base, number)
    assert 0 <= point < 2**63


@FAST
@given(KEYS, IDS, SITES)
def test_the_interval_is_open_and_mirrors_lie_in_it_too(stream: int, identity: int, site: int) -> None:
    u = uniform(stream, identity, site)
    assert 0.0 < u < 1.0
    assert u * 2**53 % 2 == 1.0  # an odd multiple of 2^-53: neither end can occur
    assert math.isfinite(-math.log(u))


@FAST
@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True), st.integers(1, 2**52))
def test_an_index_is_within_its_range(u: float, total: int) -> None:
    found = draw_index(u, total)
    assert 0 <= found < total
    assert found == min(int(u * total), total - 1)


def test_the_largest_uniform_indexes_the_last_item() -> None:
    assert draw_index(1 - 2**-53, 3) == 2
    assert draw_index(1 - 2**-53, 2**60) == 2**60 - 128
    assert draw_index(0.999999, 1) == 0


def test_scrambling_is_a_bijection_in_which_every_bit_matters() -> None:
    rng = np.random.default_rng(20261120)
    inputs = [int(value) for value in rng.integers(-(2**63), 2**63, 400)]
    flips = np.zeros((64, 64))
    for value in inputs:
        before = int(mix64(value))
        for bit in range(64):
            flipped = plain.signed((value ^ (1 << bit)) & plain.MASK)
            change = before ^ int(mix64(flipped))
            assert change != 0
            flips[bit] += [change >> place & 1 for place in range(64)]
    sd = math.sqrt(0.25 / len(inputs))
    assert np.abs(flips / len(inputs) - 0.5).max() < 6 * sd  # 4,096 comparisons


def test_distinct_requests_and_sites_have_distinct_bits() -> None:
    ids = [n << 16 | w for n in range(SAMPLES // 8) for w in (0, 1, 7)]
    bits = [draw_bits(STREAM, identity, site) for identity in ids for site in (GAP, THINK)]
    assert len(set(bits)) == len(bits)


@pytest.mark.parametrize("site", [GAP, THINK, STEP, STEP + 7 * SUBSITE])
def test_draws_are_uniform(site: int) -> None:
    u = draws(site)
    n = len(u)
    assert abs(u.mean() - 0.5) < 5 * math.sqrt(1 / 12 / n)
    assert abs(u.var() - 1 / 12) < 5 * math.sqrt(1 / 180 / n)
    cells = np.histogram(u, bins=100, range=(0, 1))[0]
    chi_squared = float(((cells - n / 100) ** 2 / (n / 100)).sum())
    assert abs(chi_squared - 99) < 5 * math.sqrt(2 * 99)


def correlation(left: Floats, right: Floats) -> float:
    """The correlation in units of its standard error."""
    return float(((left - 0.5) * (right - 0.5)).mean() * 12 * math.sqrt(len(left)))


@pytest.mark.parametrize("lag", [1, 2, 3, 16, 100])
def test_draws_of_successive_requests_are_uncorrelated(lag: int) -> None:
    u = draws(GAP)
    assert abs(correlation(u[lag:], u[:-lag])) < 5


def test_draws_at_other_sites_and_of_other_trials_are_uncorrelated() -> None:
    u = draws(GAP)
    for site in (THINK, STEP, STEP + 1, GAP + SUBSITE):
        assert abs(correlation(u, draws(site))) < 5
    for trial in range(3):
        assert abs(correlation(u, draws(GAP, stream=int(stream_key(1, trial))))) < 5


def test_keys_of_neighbouring_seeds_and_trials_differ() -> None:
    keys = {int(stream_key(seed, trial)) for seed in range(100) for trial in range(100)}
    assert len(keys) == 100 * 100


@given(seed=st.integers(0, 2**64 - 1), first=st.integers(0, 10**6), trial=st.integers(0, 10**6))
def test_a_run_is_continued_by_another_seed(seed: int, first: int, trial: int) -> None:
    continued = later_trials(seed, first)
    assert 0 <= continued < 2**64
    assert trial_stream(continued, trial) == trial_stream(seed, first + trial)
    assert later_trials(seed, 0) == seed
    assert later_trials(continued, trial) == later_trials(seed, first + trial)
