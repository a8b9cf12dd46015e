from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from generator_testing.worlds import (
    MS,
    SCALE,
    SECOND,
    Columns,
    arrivals,
    compiled,
    even,
    poisson,
    profile,
    segments,
    times,
    workload,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_common.simcore.random import trial_stream, uniform
from headroom_common.simcore.sites import ENDPOINT, GAP

CLOSED = {"kind": "closed", "users": 30, "think_time": {"distribution": "exponential", "mean": "300ms"}}
TRACE = {"kind": "trace", "times": ["0s", "0s", "5ms", "100ms", "100ms", "900ms", "10s", "11s"]}
USERS = {"kind": "users", "users": {"mean": 8}, "rate_per_user": "5/s", "window": "170ms"}
KINDS = [
    poisson("60/s"),
    even("50/s"),
    poisson(profile("linear", ("0s", "0/s"), ("500ms", "200/s"), ("900ms", "0/s"))),
    even(profile("step", ("0s", "10/s"), ("300ms", "100/s"), ("600ms", "0/s"))),
    TRACE,
    CLOSED,
    USERS,
]
WORKLOADS = st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)


def named(kinds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [workload(kind, f"w{row}") for row, kind in enumerate(kinds)]


def joined(parts: list[Columns]) -> dict[str, list[int]]:
    return {name: np.concatenate([part[name] for part in parts]).tolist() for name in parts[0]}


@settings(max_examples=25, deadline=None)
@given(WORKLOADS, st.integers(1, 50), st.integers(0, 2**64 - 1))
def test_segments_of_any_size_are_the_same_arrivals(
    kinds: list[dict[str, Any]], room: int, seed: int
) -> None:
    scenario = compiled(*named(kinds), horizon="1s")
    ((whole, _),) = segments(scenario, 100_000, seed)
    parts = segments(scenario, room, seed)
    assert joined([part for part, _ in parts]) == joined([whole])
    assert all(len(part["id"]) == room for part, _ in parts[:-1])
    # The watermark is the next arrival: nothing later comes before it.
    for (before, watermark), (after, _) in itertools.pairwise(parts):
        assert before["t0"].max(initial=0) <= watermark
        assert after["t0"].min(initial=watermark) == watermark


@settings(max_examples=25, deadline=None)
@given(WORKLOADS, st.integers(0, 2**64 - 1))
def test_streams_are_merged_in_order_of_time_and_id(kinds: list[dict[str, Any]], seed: int) -> None:
    together = arrivals(*named(kinds), horizon="1s", seed=seed)
    keys = list(zip(together["t0"].tolist(), together["id"].tolist(), strict=True))
    assert keys == sorted(keys)
    assert all(0 <= t < SECOND for t, _ in keys)
    assert len({identity for _, identity in keys}) == len(keys)
    assert (together["id"] & 0xFFFF == together["workload"]).all()
    for row in range(len(kinds)):
        sequence = together["id"][together["workload"] == row] >> 16
        assert sorted(sequence.tolist()) == list(range(len(sequence))) or kinds[row] == CLOSED


def test_a_workload_alone_arrives_as_in_company() -> None:
    alone = times(workload(poisson("100/s")), horizon="1s")
    company = arrivals(workload(poisson("100/s")), workload(even("70/s"), "other"), horizon="1s")
    assert company["t0"][company["workload"] == 0].tolist() == alone


def test_gaps_are_exponential_draws_of_the_requests_own_id() -> None:
    found = times(workload(poisson("250/s")), seed=5)
    stream = trial_stream(5, 0)
    gaps = np.diff([0, *found])
    expected = [-math.log(uniform(stream, k << 16, GAP)) / 250 * 1e9 for k in range(len(found))]
    assert np.abs(gaps - expected).max() <= 1


@pytest.mark.parametrize("rate", [3, 250, 20_000])
def test_poisson_counts(rate: int) -> None:
    seconds = 100_000 // rate // SCALE + 1
    found = np.array(times(workload(poisson(f"{rate}/s")), horizon=f"{seconds}s"))
    mean = rate * seconds
    assert abs(len(found) - mean) < 5 * math.sqrt(mean)
    # Counts in windows have variance = mean.
    counts = np.histogram(found, bins=50, range=(0, seconds * SECOND))[0]
    dispersion = counts.var(ddof=1) / counts.mean()
    assert abs(dispersion - 1) < 5 * math.sqrt(2 / 49) + 5 / math.sqrt(mean)


def test_a_ramp_has_the_integral_of_its_rate() -> None:
    top = 4000 // SCALE
    ramp = profile("linear", ("0s", "0/s"), ("5s", f"{top}/s"), ("10s", "0/s"))
    found = np.array(times(workload(poisson(ramp)))) / 1e9
    counts = np.histogram(found, bins=20, range=(0, 10))[0]
    edges = np.linspace(0, 10, 21)
    area = np.where(edges <= 5, edges**2 / 10, 5 - (10 - edges) ** 2 / 10) * top
    expected = np.diff(area)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 5).all()
    assert abs(counts.sum() - 5 * top) < 5 * math.sqrt(5 * top)


def test_steps_hold_until_the_next_and_the_last_for_ever() -> None:
    steps = profile("step", ("0s", "1000/s"), ("2s", "0/s"), ("4s", "100/s"))
    found = np.array(times(workload(poisson(steps)))) / 1e9
    counts = np.histogram(found, bins=5, range=(0, 10))[0]
    assert counts[1] == 0
    expected = np.array([2000, 200, 200, 200])
    assert (np.abs(counts[[0, 2, 3, 4]] - expected) < 5 * np.sqrt(expected)).all()


def test_even_arrivals_come_after_each_gap() -> None:
    assert times(workload(even("100/s")), horizon="100ms") == [10 * MS * k for k in range(1, 10)]
    assert times(workload(even("3/s")), horizon="1s") == [333_333_333, 666_666_666, 999_999_999]


def test_even_arrivals_on_a_ramp_solve_its_integral() -> None:
    ramp = profile("linear", ("0s", "100/s"), ("1s", "300/s"), ("2s", "300/s"))
    found = times(workload(even(ramp)), horizon="2s")
    # 100 t + 100 t^2 = n within the ramp, then every 1/300 s.
    expected = [(math.sqrt(1 + n / 25) - 1) / 2 for n in range(1, 201)]
    expected += [1 + n / 300 for n in range(1, 300)]
    assert len(found) in (499, 500)
    assert np.abs(np.array(found[:499]) / 1e9 - expected).max() < 1e-6


def test_an_arrival_on_a_pieces_end_belongs_to_it() -> None:
    steps = profile("step", ("0s", "100/s"), ("100ms", "0/s"))
    assert times(workload(even(steps)), horizon="1s") == [10 * MS * k for k in range(1, 11)]
    waits = profile("step", ("0s", "100/s"), ("95ms", "0/s"), ("500ms", "1000/s"))
    found = times(workload(even(waits)), horizon="503ms")
    assert found == [10 * MS * k for k in range(1, 10)] + [500 * MS + MS // 2 + MS * k for k in range(3)]


def test_a_silent_start_is_waited_out() -> None:
    late = profile("step", ("0s", "0/s"), ("300ms", "10/s"))
    assert times(workload(even(late)), horizon="1s") == [400 * MS + 100 * MS * k for k in range(6)]


def test_a_trace_is_taken_as_it_is_up_to_the_horizon() -> None:
    found = arrivals(workload(TRACE))
    assert (found["t0"] // MS).tolist() == [0, 0, 5, 100, 100, 900]
    assert (found["id"] >> 16).tolist() == [0, 1, 2, 3, 4, 5]


def test_nobody_may_come_at_all() -> None:
    found = segments(compiled(workload({"kind": "trace", "times": ["20s"]})), 10)
    assert len(found) == 1
    assert len(found[0][0]["id"]) == 0


def test_endpoints_are_drawn_from_the_mix() -> None:
    mix = [{"endpoint": "/b", "weight": 3}, {"endpoint": "/a"}]
    rate = 10_000 // SCALE
    found = arrivals(workload(poisson(f"{rate}/s"), mix=mix))
    share = found["endpoint"].mean()
    assert abs(share - 0.75) < 5 * math.sqrt(0.75 * 0.25 / len(found["id"]))
    stream = trial_stream(1, 0)
    drawn = [uniform(stream, identity, ENDPOINT) < 0.75 for identity in found["id"].tolist()[:300]]
    assert found["endpoint"][:300].tolist() == drawn


def test_columns_have_the_dtypes_of_their_contract() -> None:
    found = arrivals(workload(poisson("10/s")))
    dtypes = {name: column.dtype.name for name, column in found.items()}
    assert dtypes == {"id": "int64", "workload": "int16", "endpoint": "int16", "t0": "int64"}


def test_seeds_and_trials_differ_and_repeat() -> None:
    everything = [times(workload(poisson("10/s")), seed=seed) for seed in (0, 1, 2**63, 2**64 - 1, 0)]
    assert everything[0] == everything[4]
    assert len({tuple(found) for found in everything}) == 4
