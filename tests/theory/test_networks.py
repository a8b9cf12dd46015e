"""Several stations: tandems, splits, balancing and closed loops."""

from itertools import pairwise

import pytest
from queueing.checks import SKETCH_ERROR, TRIALS, assert_agrees, simulate
from queueing.formulas import (
    em1_wait,
    machine_repair,
    mm1_sojourn,
    mm1_sojourn_quantile,
    throughput_bound,
    two_choices_sojourn,
)
from queueing.models import balanced, exponential, milliseconds, model, poisson, station

SERVICE = 100.0
MEAN = 1.0 / SERVICE


def test_tandem_of_a_core_and_a_pool() -> None:
    """Burke: what leaves an M/M/1 is Poisson, so a pool of one connection behind a core is an M/M/1, too."""
    arrival, second = 60.0, 80.0
    pool = {"pool": "db", "steps": [{"io": exponential(1.0 / second)}]}
    servers = [station([{"cpu": exponential(MEAN)}, pool], pools=[{"name": "db", "size": 1}])]
    result = simulate(model("tandem", servers, poisson(arrival), horizon=500, warmup=20))
    assert_agrees(result.latency["mean"], mm1_sojourn(arrival, SERVICE) + mm1_sojourn(arrival, second))
    queues = result.servers["station"].document["queues"]
    assert_agrees(queues["cpu"]["wait_mean"], mm1_sojourn(arrival, SERVICE) - MEAN, within=0.1)
    assert_agrees(queues["pools"][0]["wait_mean"], mm1_sojourn(arrival, second) - 1.0 / second, within=0.1)
    assert_agrees(queues["pools"][0]["utilisation"], arrival / second, within=0.02)


def test_a_random_split_of_poisson_arrivals_is_poisson() -> None:
    routers, servers = balanced("random", 3, exponential(MEAN))
    arrival = 210.0
    result = simulate(model("split", servers, poisson(arrival), horizon=150, warmup=10, routers=routers))
    assert_agrees(result.latency["mean"], mm1_sojourn(arrival / 3.0, SERVICE))
    truth = mm1_sojourn_quantile(arrival / 3.0, SERVICE, 0.99)
    assert_agrees(result.latency["p99"], truth, within=0.1, slack=SKETCH_ERROR)


@pytest.mark.parametrize("replicas", [2, 4])
def test_round_robin_makes_arrivals_more_regular(replicas: int) -> None:
    """Every n-th arrival of a Poisson process: Erlang gaps of n stages, so each replica is an E_n/M/1."""
    routers, servers = balanced("round_robin", replicas, exponential(MEAN))
    each = 75.0
    result = simulate(
        model(
            f"round-robin-{replicas}",
            servers,
            poisson(each * replicas),
            horizon=200,
            warmup=10,
            routers=routers,
        )
    )
    assert_agrees(result.latency["mean"], em1_wait(each, SERVICE, replicas) + MEAN)


def test_power_of_two_choices_among_many() -> None:
    """The limit for many; at 200 the mean is off by below 0.7 % at this load (Gast and Van Houdt 2017)."""
    routers, servers = balanced("power_of_two", 200, exponential(1.0))
    rho = 0.7
    arrivals = poisson(rho * 200.0)
    result = simulate(model("jsq2", servers, arrivals, horizon=150, warmup=30, routers=routers))
    assert_agrees(result.latency["mean"], two_choices_sojourn(rho), within=0.02, slack=0.007)
    assert_agrees(result.servers["station"].utilisation, rho, within=0.02)


def test_least_connections_over_fast_links_beats_two_choices_beats_chance() -> None:
    means = []
    for policy in ("least_connections", "power_of_two", "round_robin", "random"):
        routers, servers = balanced(policy, 10, exponential(MEAN))
        result = simulate(
            model(policy.replace("_", "-"), servers, poisson(800.0), horizon=30, warmup=3, routers=routers)
        )
        means.append(result.latency["mean"])
    for better, worse in pairwise(means):
        assert better.high < worse.low


def closed(users: int, think: object) -> dict[str, object]:
    return {"kind": "closed", "users": users, "think_time": think}


@pytest.mark.parametrize("users", [1, 8, 30])
def test_closed_loop_meets_mean_value_analysis_and_its_bounds(users: int) -> None:
    think = 0.1
    servers = [station([{"cpu": exponential(MEAN)}])]
    result = simulate(
        model(f"closed-{users}", servers, closed(users, exponential(think)), horizon=200, warmup=10)
    )
    throughput, response = machine_repair(users, think, SERVICE)
    assert_agrees(result.throughput, throughput, within=0.03)
    assert_agrees(result.latency["mean"], response, within=0.05)
    assert result.throughput.low <= throughput_bound(users, think, MEAN)


def test_interactive_response_time_law() -> None:
    """R = N/X - Z assumes nothing of laws: with a constant think time only the edges of the run blur it."""
    users, think = 25, 0.15
    servers = [station([{"cpu": {"distribution": "lognormal", "mean": milliseconds(MEAN), "sd": "20ms"}}])]
    result = simulate(model("interactive", servers, closed(users, "150ms"), horizon=100, warmup=5))
    assert result.trials == TRIALS
    measured = result.latency["mean"].value
    assert measured == pytest.approx(users / result.throughput.value - think, rel=2e-3)
