"""Stations with an unlimited queue: M/M/1, M/M/c, M/D/1, M/G/1."""

import pytest
from queueing.checks import SKETCH_ERROR, assert_agrees, simulate
from queueing.formulas import erlang_c, mg1_wait, mm1_sojourn, mm1_sojourn_quantile, mmc_wait
from queueing.models import exponential, milliseconds, model, poisson, station

SERVICE = 100.0
MEAN = 1.0 / SERVICE


def test_mm1_mean_and_quantiles() -> None:
    arrival = 70.0
    servers = [station([{"cpu": exponential(MEAN)}])]
    result = simulate(model("mm1", servers, poisson(arrival), horizon=400, warmup=20))
    assert_agrees(result.latency["mean"], mm1_sojourn(arrival, SERVICE))
    for quantity, p in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        truth = mm1_sojourn_quantile(arrival, SERVICE, p)
        assert_agrees(result.latency[quantity], truth, within=0.1, slack=SKETCH_ERROR)
    server = result.servers["station"]
    assert_agrees(server.utilisation, arrival / SERVICE, within=0.02)
    assert_agrees(server.document["in_system"], arrival * mm1_sojourn(arrival, SERVICE))
    assert_agrees(result.throughput, arrival, within=0.02)


@pytest.mark.parametrize("resource", ["cores", "pool", "memory"])
def test_mmc_whatever_the_tokens_are(resource: str) -> None:
    """Cores, pool tokens and places in memory are all FIFO tokens: each makes an M/M/4."""
    arrival, count = 320.0, 4
    law = exponential(MEAN)
    servers = {
        "cores": station([{"cpu": law}], cores=count),
        "pool": station([{"pool": "db", "steps": [{"io": law}]}], pools=[{"name": "db", "size": count}]),
        "memory": station([{"io": law}], working_set="1Mi", memory=f"{count}Mi"),
    }[resource]
    result = simulate(model(f"mm4-{resource}", [servers], poisson(arrival), horizon=150, warmup=10))
    wait = mmc_wait(arrival, SERVICE, count)
    assert_agrees(result.latency["mean"], wait + MEAN)
    queues = result.servers["station"].document["queues"]
    queue = queues["pools"][0] if resource == "pool" else queues["cpu" if resource == "cores" else "memory"]
    assert_agrees(queue["mean"], arrival * wait, within=0.1)
    assert_agrees(queue["wait_mean"], wait, within=0.1)


def test_the_wait_of_mm4_is_where_the_anatomy_says() -> None:
    arrival, count = 320.0, 4
    servers = [station([{"cpu": exponential(MEAN)}], cores=count)]
    result = simulate(model("mm4-anatomy", servers, poisson(arrival), horizon=150, warmup=10))
    parts = {part.cause: part.seconds for part in result.anatomy()}
    assert_agrees(
        parts["cpu_wait"], erlang_c(arrival / SERVICE, count) / (count * SERVICE - arrival), within=0.1
    )
    assert_agrees(parts["cpu_run"], MEAN, within=0.02)


@pytest.mark.parametrize(
    ("name", "law", "sd"),
    [
        ("md1", milliseconds(MEAN), 0.0),
        ("m-gamma-1", {"distribution": "gamma", "mean": milliseconds(MEAN), "sd": "5ms"}, 0.005),
        ("m-bursty-gamma-1", {"distribution": "gamma", "mean": milliseconds(MEAN), "sd": "15ms"}, 0.015),
        ("m-lognormal-1", {"distribution": "lognormal", "mean": milliseconds(MEAN), "sd": "15ms"}, 0.015),
        ("m-uniform-1", {"distribution": "uniform", "low": "0ms", "high": "20ms"}, 0.02 / 12**0.5),
        ("m-weibull-1", {"distribution": "weibull", "shape": 2.0, "scale": "10ms"}, None),
    ],
)
def test_pollaczek_khinchine(name: str, law: object, sd: float | None) -> None:
    arrival = 65.0
    mean = MEAN
    if sd is None:  # Weibull of shape 2: mean √π/2 and second moment 1, in units of its scale
        mean = MEAN * 0.886226925452758
        sd = (MEAN**2 - mean**2) ** 0.5
    result = simulate(model(name, [station([{"cpu": law}])], poisson(arrival), horizon=400, warmup=20))
    wait = mg1_wait(arrival, mean, sd)
    assert_agrees(result.servers["station"].document["queues"]["cpu"]["wait_mean"], wait, within=0.15)
    assert_agrees(result.latency["mean"], mean + wait, within=0.1)
