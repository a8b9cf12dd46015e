"""The whole way from rows to the document, for a queue whose truth is known: M/M/1 by Lindley's recursion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from analysis_testing.runs import completed, run_parameters
from analysis_testing.worlds import SECOND, Tables

from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore
from headroom_common.contracts.events import RunCompleted, RunParameters

ARRIVALS_PER_S, SERVICE_PER_S = 80.0, 100.0
HORIZON, WARMUP, TRIALS = 200, 20, 20

SERVERS = [{"name": "q", "cores": 1, "endpoints": [{"name": "/", "steps": [{"cpu": "10ms"}]}]}]
WORKLOADS = [{"name": "w", "entry": "q", "arrivals": {"kind": "poisson", "rate": "80/s"}}]


def overlap(start: np.ndarray, stop: np.ndarray) -> int:
    """How much of the intervals [start, stop) lies in the measured window, in all."""
    inside = np.minimum(stop, HORIZON * SECOND) - np.maximum(start, WARMUP * SECOND)
    return int(np.maximum(inside, 0).sum())


def simulated(trial: int) -> Tables:
    """One trial of the queue: who arrives when, waits how long, is served how long."""
    rng = np.random.default_rng(1000 + trial)
    gaps = rng.exponential(1 / ARRIVALS_PER_S, int(ARRIVALS_PER_S * HORIZON * 1.2))
    t0 = (np.cumsum(gaps) * SECOND).astype(np.int64)
    t0 = t0[t0 < HORIZON * SECOND]
    run = (rng.exponential(1 / SERVICE_PER_S, t0.size) * SECOND).astype(np.int64)
    # Unfinished work at arrivals: Lindley's recursion as a random walk less its running minimum.
    walk = np.concatenate([np.zeros(1, np.int64), np.cumsum(run[:-1] - np.diff(t0))])
    wait = walk - np.minimum.accumulate(walk)
    zero = np.zeros(t0.size, np.int64)
    begin, end = t0 + wait, t0 + wait + run
    requests = {
        **dict.fromkeys(("hop0", "memory_wait", "io_wait"), zero),
        "id": np.arange(t0.size) << 16,
        **dict.fromkeys(("workload", "endpoint"), zero.astype(np.int16)),
        "server": zero.astype(np.int32),
        "target": zero.astype(np.int32) - 1,
        "outcome": zero.astype(np.int8),
        "t0": t0,
        "latency": wait + run,
        "cpu_wait": wait,
        "cpu_run": run,
    }
    servers: dict[str, Any] = {
        **dict.fromkeys(("refused", "shed", "memory_wait_ns", "io_ns"), 0),
        **dict.fromkeys(("memory_kib_ns_high", "memory_kib_ns_low", "peak_memory_kib"), 0),
        **dict.fromkeys(("peak_ready", "peak_in_system"), 1),
        "arrivals": int((t0 >= WARMUP * SECOND).sum()),
        "completed": int(((end >= WARMUP * SECOND) & (end < HORIZON * SECOND)).sum()),
        "busy_ns": overlap(begin, end),
        "ready_wait_ns": overlap(t0, begin),
        "in_system_ns": overlap(t0, end),
        **dict.fromkeys(("little_area_ns", "little_sojourn_ns"), int((wait + run).sum())),
    }
    return {"requests": requests, "servers": {name: np.array([value]) for name, value in servers.items()}}


def cut(tables: Tables, segments: int) -> list[Tables]:
    """The trial in segments of equal numbers of rows, the accounts with the last one."""
    parts = [
        {
            "requests": {
                name: np.array_split(column, segments)[at] for name, column in tables["requests"].items()
            }
        }
        for at in range(segments)
    ]
    return [*parts[:-1], parts[-1] | {"servers": tables["servers"]}]


@pytest.fixture(scope="module")
def run() -> RunParameters:
    return run_parameters(
        trials=TRIALS,
        horizon=f"{HORIZON}s",
        warmup=f"{WARMUP}s",
        sample_period="1s",
        servers=SERVERS,
        workloads=WORKLOADS,
        routers=[],
        links=[],
        objectives=["latency.p99 below 1s", "throughput above 79/s", "latency.mean below 10ms"],
    )


@pytest.fixture(scope="module")
def result(run: RunParameters) -> dict[str, Any]:
    analysis = Analysis(MemoryStore())
    outputs = []
    for trial in range(TRIALS):
        pieces = cut(simulated(trial), 3)
        for segment, piece in enumerate(pieces):
            outputs += analysis.requests_completed(completed(run, (trial, segment, 0), piece, segments=3))
    (body,) = [output.body for output in outputs if isinstance(output.body, RunCompleted)]
    return body.result


def covers(figure: dict[str, float], truth: float, widths: float = 2.0) -> bool:
    """Whether the truth lies within so many half widths; two are beyond any honest miss at 20 trials."""
    half = (figure["high"] - figure["low"]) / 2
    return abs(figure["value"] - truth) <= widths * half


def test_latency_is_that_of_theory(result: dict[str, Any]) -> None:
    rate = SERVICE_PER_S - ARRIVALS_PER_S  # the sojourn time of M/M/1 is exponential with rate mu - lambda
    assert covers(result["latency"]["mean"], 1 / rate)
    assert covers(result["latency"]["sd"], 1 / rate)
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95)):
        assert covers(result["latency"][name], -math.log(1 - share) / rate)


def test_the_queue_is_that_of_theory(result: dict[str, Any]) -> None:
    load = ARRIVALS_PER_S / SERVICE_PER_S
    (server,) = result["servers"]
    assert covers(server["utilisation"], load)
    assert covers(server["in_system"], load / (1 - load))
    assert covers(server["queues"]["cpu"]["mean"], load**2 / (1 - load))
    assert covers(server["queues"]["cpu"]["wait_mean"], load / (SERVICE_PER_S - ARRIVALS_PER_S))
    assert server["bottleneck"] == "cpu"
    assert server["saturated"] is False


def test_rates_are_those_of_the_arrivals(result: dict[str, Any]) -> None:
    assert covers(result["arrival_rate"], ARRIVALS_PER_S)
    assert covers(result["throughput"], ARRIVALS_PER_S)
    assert result["error_ratio"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    throughput = result["series"]["throughput"]
    assert len(throughput) == HORIZON
    assert np.mean(throughput) == pytest.approx(ARRIVALS_PER_S, rel=0.02)


def test_the_anatomy_splits_waiting_from_running(result: dict[str, Any]) -> None:
    mean = {part["cause"]: part["seconds"] for part in result["anatomy"]["mean"]["parts"]}
    assert set(mean) == {"cpu_wait", "cpu_run"}
    assert covers(mean["cpu_run"], 1 / SERVICE_PER_S)
    tail = {part["cause"]: part["share"] for part in result["anatomy"]["p99"]["parts"]}
    assert tail["cpu_wait"] > 0.85  # the tail of M/M/1 is made by waiting


def test_littles_law_holds(result: dict[str, Any]) -> None:
    (server,) = result["servers"]
    product = result["arrival_rate"]["value"] * result["latency"]["mean"]["value"]
    assert server["in_system"]["value"] == pytest.approx(product, rel=0.02)
    assert result["checks"]["littles_law_residual"] == 0.0


def test_the_objectives_are_judged(result: dict[str, Any]) -> None:
    assert [objective["met"] for objective in result["objectives"]] == [True, True, False]
    assert result["objectives"][2]["certain"] is True
    assert result["verdict"] == "miss"
