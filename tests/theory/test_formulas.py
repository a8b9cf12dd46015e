"""The formulas themselves: published values and identities, so that no slip blames the simulation."""

import math

import pytest
from queueing.formulas import (
    em1_wait,
    erlang_b,
    erlang_c,
    machine_repair,
    mg1_wait,
    mm1_sojourn,
    mm1_sojourn_quantile,
    mm1k,
    mmc_sojourn,
    mmc_sojourn_quantile,
    mmc_wait,
    poisson_probability,
    throughput_bound,
    two_choices_sojourn,
)


def test_erlang_values_of_the_published_tables() -> None:
    assert erlang_b(10.0, 10) == pytest.approx(0.21458, abs=5e-6)
    assert erlang_b(1.0, 1) == pytest.approx(0.5)
    assert erlang_c(3.2, 4) == pytest.approx(0.5964, abs=5e-5)


def test_one_server_is_the_special_case_of_many() -> None:
    wait = mmc_wait(70.0, 100.0, 1)
    assert wait == pytest.approx(mm1_sojourn(70.0, 100.0) - 0.01)
    assert wait == pytest.approx(mg1_wait(70.0, 0.01, 0.01))
    assert wait == pytest.approx(em1_wait(70.0, 100.0, 1))


def test_constant_service_halves_the_wait() -> None:
    assert mg1_wait(70.0, 0.01, 0.0) == pytest.approx(mmc_wait(70.0, 100.0, 1) / 2.0)


def test_the_time_in_many_servers() -> None:
    for p in (0.5, 0.99):  # one server is the known case
        assert mmc_sojourn_quantile(70.0, 100.0, 1, p) == pytest.approx(mm1_sojourn_quantile(70.0, 100.0, p))
    # without waiting it is the service alone; the mean is the area under the tail, here by quantiles
    assert mmc_sojourn_quantile(10.0, 100.0, 20, 0.99) == pytest.approx(math.log(100.0) / 100.0)
    shares = [(step + 0.5) / 20_000 for step in range(20_000)]
    mean = sum(mmc_sojourn_quantile(320.0, 100.0, 4, p) for p in shares) / len(shares)
    assert mean == pytest.approx(mmc_sojourn(320.0, 100.0, 4), rel=1e-3)
    assert mmc_sojourn(400.0, 100.0, 4) == mmc_sojourn_quantile(400.0, 100.0, 4, 0.5) == math.inf
    # cm - l = m: the two exponentials fall together
    assert mmc_sojourn_quantile(100.0, 100.0, 2, 0.99) == pytest.approx(
        mmc_sojourn_quantile(100.0 + 1e-5, 100.0, 2, 0.99), rel=1e-6
    )


def test_many_places_approach_the_unlimited_queue() -> None:
    blocked, sojourn = mm1k(70.0, 100.0, 200)
    assert blocked < 1e-20
    assert sojourn == pytest.approx(mm1_sojourn(70.0, 100.0))
    assert mm1k(100.0, 100.0, 4)[0] == pytest.approx(1 / 5)
    assert mm1k(50.0, 100.0, 1)[0] == pytest.approx(erlang_b(0.5, 1))


def test_the_median_of_an_exponential() -> None:
    assert mm1_sojourn_quantile(70.0, 100.0, 0.5) == pytest.approx(0.0231049, abs=1e-7)


def test_two_choices_without_load_cost_one_service_time() -> None:
    assert two_choices_sojourn(1e-9) == pytest.approx(1.0)
    assert two_choices_sojourn(0.9) == pytest.approx(2.6141, abs=5e-4)


def test_a_lone_user_never_waits_and_many_reach_the_bound() -> None:
    assert machine_repair(1, 0.1, 100.0) == pytest.approx((1 / 0.11, 0.01))
    throughput, response = machine_repair(100, 0.1, 100.0)
    assert throughput == pytest.approx(throughput_bound(100, 0.1, 0.01))
    assert response == pytest.approx(100 / throughput - 0.1)


def test_poisson_probabilities_add_up() -> None:
    assert sum(poisson_probability(5.0, n) for n in range(60)) == pytest.approx(1.0)
    assert sum(n * poisson_probability(5.0, n) for n in range(60)) == pytest.approx(5.0)
