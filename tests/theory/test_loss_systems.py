"""Stations that turn requests away: M/M/1/K, Erlang B; and the one that never does, M/G/∞."""

import pytest
from queueing.checks import assert_agrees, simulate
from queueing.formulas import erlang_b, mm1k
from queueing.models import exponential, milliseconds, model, poisson, station

MEAN = 0.010


@pytest.mark.parametrize(
    "limit", [{"concurrency_limit": 5}, {"queue_limit": 4}], ids=["concurrency", "queue"]
)
def test_mm1k(limit: dict[str, int]) -> None:
    """Five places: five in the system, or four that wait and one that runs."""
    arrival, service, places = 90.0, 1.0 / MEAN, 5
    servers = [station([{"cpu": exponential(MEAN)}], **limit)]
    result = simulate(model("mm1k", servers, poisson(arrival), horizon=300, warmup=10))
    blocked, sojourn = mm1k(arrival, service, places)
    assert_agrees(result.error_ratio, blocked)
    assert_agrees(result.latency["mean"], sojourn)
    assert_agrees(result.servers["station"].document["in_system"], arrival * (1.0 - blocked) * sojourn)
    assert result.outcomes["shed"].value == pytest.approx(result.error_ratio.value * 290 * arrival, rel=0.02)


def test_both_limits_shed_the_same_requests() -> None:
    documents = [
        simulate(
            model("k", [station([{"cpu": exponential(MEAN)}], **limit)], poisson(90.0), horizon=30, warmup=1)
        ).document
        for limit in ({"concurrency_limit": 5}, {"queue_limit": 4})
    ]
    assert documents[0]["latency"] == documents[1]["latency"]
    assert documents[0]["outcomes"] == documents[1]["outcomes"]


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("exponential", exponential(MEAN)),
        ("constant", milliseconds(MEAN)),
        ("lognormal", {"distribution": "lognormal", "mean": milliseconds(MEAN), "sd": "30ms"}),
    ],
)
def test_erlang_b_whatever_the_law(name: str, law: object) -> None:
    load, cores = 6.0, 8
    servers = [station([{"cpu": law}], cores=cores, queue_limit=0)]
    result = simulate(model(f"erlang-b-{name}", servers, poisson(load / MEAN), horizon=100, warmup=2))
    blocked = erlang_b(load, cores)
    assert_agrees(result.error_ratio, blocked)
    assert_agrees(result.servers["station"].utilisation, load * (1.0 - blocked) / cores, within=0.02)
    assert_agrees(result.servers["station"].document["in_system"], load * (1.0 - blocked), within=0.02)


def test_mg_infinity_has_a_mean_of_lambda_s() -> None:
    servers = [station([{"io": {"distribution": "lognormal", "mean": "100ms", "sd": "100ms"}}])]
    result = simulate(model("m-g-infinity", servers, poisson(50.0), horizon=600, warmup=5))
    assert_agrees(result.latency["mean"], 0.1, within=0.02)
    assert_agrees(result.servers["station"].document["in_system"], 5.0, within=0.02)
    assert result.error_ratio.value == 0.0
