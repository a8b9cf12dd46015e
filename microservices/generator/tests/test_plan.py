from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from generator_testing.worlds import (
    MS,
    SCALE,
    SECOND,
    arrivals,
    compiled,
    even,
    poisson,
    profile,
    times,
    workload,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_common.simcore.distributions import nanoseconds
from headroom_common.simcore.elementary import log
from headroom_common.simcore.random import trial_stream, uniform
from headroom_common.simcore.sites import THINK
from headroom_generator.domain.plan import P_BEGIN, P_END, P_RATE, P_RATE_END, Plan, plan_arrivals

MARK = {"kind": "trace", "times": ["1ms"]}


def planned(*workloads: dict[str, Any], seed: int = 1, **spec: Any) -> Plan:
    scenario = compiled(*workloads, **spec)
    return plan_arrivals(scenario.arrivals, scenario.world(trial_stream(seed, 0)))


def rates(plan: Plan, column: int = P_RATE) -> list[float]:
    return np.ascontiguousarray(plan.pieces[:, column]).view(np.float64).tolist()  # type: ignore[no-any-return]


def test_a_constant_rate_is_one_piece_up_to_the_horizon() -> None:
    plan = planned(workload(poisson("5/s")))
    assert plan.pieces[:, [P_BEGIN, P_END]].tolist() == [[0, 10 * SECOND]]
    assert rates(plan) == rates(plan, P_RATE_END) == [5.0]
    assert plan.spans.tolist() == [[0, 1, 0, 0]]
    assert plan.known.shape == (0, 2)


def test_a_ramp_joins_its_points_and_a_step_holds_them() -> None:
    points = (("0s", "1/s"), ("2s", "5/s"), ("4s", "0/s"))
    for shape, ends in (("linear", [5.0, 0.0, 0.0]), ("step", [1.0, 5.0, 0.0])):
        plan = planned(workload(even(profile(shape, *points))))
        assert (plan.pieces[:, P_BEGIN] // SECOND).tolist() == [0, 2, 4]
        assert (plan.pieces[:, P_END] // SECOND).tolist() == [2, 4, 10]
        assert rates(plan) == [1.0, 5.0, 0.0]
        assert rates(plan, P_RATE_END) == ends


def test_points_beyond_the_horizon_do_no_harm() -> None:
    beyond = profile("linear", ("0s", "0/s"), ("20s", "20/s"))
    found = times(workload(even(beyond)))
    # t^2 / 2 = n for t < 10 s
    assert len(found) in (49, 50)
    assert found[7] == pytest.approx(4 * SECOND, abs=10)


def test_workloads_have_their_own_spans() -> None:
    closed = {"kind": "closed", "users": 3, "think_time": "1s"}
    steps = profile("step", ("0s", "1/s"), ("1s", "2/s"))
    plan = planned(
        workload(MARK), workload(poisson(steps), "b"), workload(closed, "c"), workload(even("9/s"), "d")
    )
    assert plan.spans.tolist() == [[0, 0, 0, 1], [0, 2, 1, 1], [2, 2, 1, 4], [2, 3, 4, 4]]


def test_users_are_drawn_per_window() -> None:
    users = {"kind": "users", "users": {"mean": 50}, "rate_per_user": "2/s", "window": "300ms"}
    plan = planned(workload(users), horizon="1s")
    assert (plan.pieces[:, P_BEGIN] // MS).tolist() == [0, 300, 600, 900]
    assert (plan.pieces[:, P_END] // MS).tolist() == [300, 600, 900, 1200]
    assert rates(plan) == rates(plan, P_RATE_END)
    assert all(rate % 2 == 0 for rate in rates(plan))
    assert len(set(rates(plan))) > 1


@pytest.mark.parametrize(
    ("users", "mean", "variance"),
    [
        ({"mean": 40}, 40, 40),
        ({"mean": 1000}, 1000, 1000),
        ({"mean": 40, "law": "normal", "sd": 5}, 40, 25 + 1 / 12),
        ({"mean": 7, "law": "normal", "sd": 0}, 7, 0),
    ],
)
def test_users_have_their_mean_and_variance(users: dict[str, Any], mean: float, variance: float) -> None:
    windows = 5000 // SCALE
    kind = {"kind": "users", "users": users, "rate_per_user": "1/s", "window": "1s"}
    found = np.array(rates(planned(workload(kind), horizon=f"{windows}s")))
    assert len(found) == windows
    assert abs(found.mean() - mean) <= 5 * math.sqrt(variance / windows)
    assert abs(found.var() - variance) <= 5 * (variance + 1) * math.sqrt(2 / windows)


def test_a_crowd_may_be_empty_but_never_negative() -> None:
    kind = {"kind": "users", "users": {"mean": 1, "law": "normal", "sd": 2}, "rate_per_user": "1/s"}
    found = rates(planned(workload(kind | {"window": "1s"}), horizon=f"{2000 // SCALE}s"))
    assert min(found) == 0.0
    assert all(rate >= 0 and rate == int(rate) for rate in found)


def test_a_crowds_requests_follow_its_size() -> None:
    kind = {"kind": "users", "users": {"mean": 400 // SCALE}, "rate_per_user": "10/s", "window": "2s"}
    plan = planned(workload(kind))
    found = arrivals(workload(kind))["t0"]
    counts = np.histogram(found, bins=5, range=(0, 10 * SECOND))[0]
    expected = 2 * np.array(rates(plan))
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 1).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**64 - 1))
def test_closed_users_think_before_their_first_request(users: int, seed: int) -> None:
    think = {"distribution": "exponential", "mean": "4s"}
    closed = {"kind": "closed", "users": users, "think_time": think}
    found = arrivals(workload(MARK), workload(closed, "closed"), seed=seed)
    first = {
        user: nanoseconds(-log(uniform(trial_stream(seed, 0), user << 16 | 1, THINK)) * 4.0)
        for user in range(users)
    }
    expected = sorted((t, user << 16 | 1) for user, t in first.items() if t < 10 * SECOND)
    own = found["workload"] == 1
    assert list(zip(found["t0"][own].tolist(), found["id"][own].tolist(), strict=True)) == expected


def test_users_who_think_beyond_the_horizon_send_nothing() -> None:
    closed = {"kind": "closed", "users": 5, "think_time": "10s"}
    assert times(workload(MARK), workload(closed, "closed")) == [MS]


def test_a_plan_depends_on_the_trials_draws_alone() -> None:
    users = {"kind": "users", "users": {"mean": 50}, "rate_per_user": "2/s", "window": "1s"}
    first, again, other = (planned(workload(users), seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.pieces, again.pieces)
    assert not np.array_equal(first.pieces, other.pieces)
