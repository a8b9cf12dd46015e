"""A realistic result document, made without running anything: a balanced fleet, an outage, a slow link."""

from __future__ import annotations

from typing import Any

import numpy as np

Document = dict[str, Any]

HORIZON, WARMUP, PERIOD = 600.0, 30.0, 2.0
TRIALS = 10


def figure(value: float | None, width: float = 0.04) -> Document:
    """A figure with an interval of the given relative half width."""
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value * (1 - width), "high": value * (1 + width)}


def latency(seconds: np.ndarray, *, histogram: bool = False) -> Document:
    """The latency part of a result for the given requests."""
    shares = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
    found = {
        "mean": figure(float(seconds.mean())),
        "sd": figure(float(seconds.std())),
        "min": figure(float(seconds.min())),
        "max": figure(float(seconds.max()), 0.2),
    }
    found |= {
        key: figure(float(np.quantile(seconds, share)), 0.02 + share / 12) for key, share in shares.items()
    }
    if histogram:
        edges = np.geomspace(seconds.min() * 0.99, seconds.max() * 1.01, 161)
        counts, _ = np.histogram(seconds, edges)
        found["histogram"] = [
            {"low": float(low), "high": float(high), "count": int(count)}
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
            if count
        ]
    return found


def scenario() -> Document:
    """The scenario, as its user would write it."""
    step = {"cpu": {"distribution": "exponential", "mean": "3ms"}}
    pool = {"pool": "db", "steps": [{"io": {"distribution": "lognormal", "mean": "14ms", "sd": "9ms"}}]}
    server = {
        "cores": 2,
        "memory": "2Gi",
        "pools": [{"name": "db", "size": 12}],
        "endpoints": [{"name": "/cart", "memory": "24Mi", "steps": [step, pool, {"cpu": "1ms"}]}],
    }
    link = {"delay": {"distribution": "exponential", "mean": "4ms"}, "loss": "0.1%"}
    return {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {
            "name": "checkout",
            "description": "A shop's checkout on a busy evening, with one replica lost for a minute",
        },
        "spec": {
            "horizon": "600s",
            "warmup": "30s",
            "workloads": [
                {
                    "name": "shoppers",
                    "entry": "lb",
                    "via": ["internet"],
                    "arrivals": {"kind": "poisson", "rate": "900/s"},
                    "timeout": "2s",
                }
            ],
            "links": [{"name": "internet", **link}, {"name": "lan", "delay": "300us"}],
            "routers": [
                {"name": "lb", "policy": "least_connections", "targets": [{"server": "app", "link": "lan"}]},
            ],
            "servers": [{"name": "app", "replicas": 3, **server}],
            "faults": [
                {"kind": "server_down", "server": "app", "replica": 0, "start": "240s", "end": "300s"},
                {
                    "kind": "link_delay",
                    "link": "internet",
                    "extra": "20ms",
                    "start": "420s",
                    "duration": "45s",
                },
            ],
            "objectives": ["latency.p99 below 250ms", "error_ratio below 0.5%", "throughput above 850/s"],
        },
    }


def server_row(name: str, replicas: int, use: float, requests: np.ndarray, *, pool: bool) -> Document:
    """One server group of the result."""
    saturated = use > 0.9
    pools = {
        "name": "db",
        "size": 12,
        "utilisation": figure(0.66),
        "mean": figure(1.8),
        "peak": figure(41.0),
        "wait_mean": figure(0.0019),
    }
    return {
        "name": name,
        "replicas": replicas,
        "cores": 2,
        "utilisation": figure(use * 0.95, 0.01),
        "utilisation_max_replica": figure(use, 0.01),
        "memory": {"mean": figure(0.9e9), "peak": figure(1.7e9), "capacity": 2 * 2**30},
        "in_system": figure(23.4),
        "queues": {
            "cpu": {
                "mean": figure(9.3 if saturated else 0.4),
                "peak": figure(212.0),
                "wait_mean": figure(0.0312 if saturated else 0.0004),
            },
            "memory": {"mean": figure(0.02), "peak": figure(9.0), "wait_mean": figure(0.00007)},
            "pools": [pools] if pool else [],
        },
        "arrival_rate": figure(899.0, 0.01),
        "refused": figure(310.0),
        "shed": figure(0.0),
        "latency": latency(requests),
        "saturated": saturated,
        "bottleneck": "cpu" if saturated else None,
        "per_replica": [
            {
                "index": index,
                "utilisation": figure(use * (1 - 0.04 * index)),
                "in_system": figure(7.8 - index),
                "arrival_rate": figure(300.0 - index),
            }
            for index in range(replicas)
        ],
    }


def anatomy(mean: float, p99: float) -> Document:
    """The breakdown of the mean and of the tail."""
    causes = [
        ("link:internet", None, 0.20, 0.06),
        ("link:lan", None, 0.02, 0.005),
        ("memory_wait", "app", 0.005, 0.015),
        ("cpu_wait", "app", 0.37, 0.72),
        ("pool_wait:db", "app", 0.055, 0.11),
        ("cpu_run", "app", 0.10, 0.03),
        ("io", "app", 0.25, 0.06),
    ]
    return {
        group: {
            "total": total,
            "parts": [
                {
                    "cause": row[0],
                    "server": row[1],
                    "seconds": figure(total * row[index]),
                    "share": row[index],
                }
                for row in causes
            ],
        }
        for group, total, index in (("mean", mean, 2), ("p99", p99, 3))
    }


def sampled(names: list[tuple[str, int | None]]) -> Document:
    """The series: a steady run with a dip at the outage and a queue that drains after it."""
    rng = np.random.default_rng(7)
    times = np.arange(0.0, HORIZON + PERIOD, PERIOD)
    outage = (times >= 240) & (times < 300)
    after = (times >= 300) & (times < 340)

    def noisy(level: np.ndarray, spread: float) -> list[float]:
        return [float(x) for x in np.maximum(level + rng.normal(0, spread, times.size), 0.0)]

    ready = np.where(
        outage, (times - 240) * 2.8, np.where(after, np.maximum(168 - (times - 300) * 4.2, 0), 2.0)
    )
    servers = [
        {
            "name": name,
            "replica": replica,
            "ready": noisy(ready * (0 if replica == 0 else 1), 0.8),
            "io": noisy(np.where(outage & (replica == 0), 0.0, 5.2), 0.6),
            "memory": noisy(np.where(outage & (replica == 0), 0.0, 3.1e8 + ready * 5e6), 1.2e7),
            "busy": [
                min(x, 2.0)
                for x in noisy(np.where(outage & (replica == 0), 0.0, np.where(ready > 2, 2.0, 1.78)), 0.05)
            ],
            "in_system": noisy(ready + 9, 1.0),
            "pools": {"db": noisy(np.where(outage & (replica == 0), 0.0, np.where(outage, 11.8, 7.6)), 0.3)},
        }
        for name, replica in names
    ]
    extra = (times >= 420) & (times < 465)
    return {
        "period": PERIOD,
        "times": [float(t) for t in times],
        "throughput": noisy(np.where(outage, 820.0, np.where(after, 960.0, 899.0)), 9.0),
        "errors": noisy(np.where(outage, 6.0, 1.0), 0.4),
        "servers": servers,
        "links": [
            {"name": "internet", "in_transit": noisy(np.where(extra, 25.5, 7.2), 0.5)},
            {"name": "lan", "in_transit": noisy(np.full(times.size, 0.54), 0.05)},
        ],
    }


def document() -> Document:
    """A whole result: the p99 misses its limit, the CPU of the application saturates."""
    rng = np.random.default_rng(11)
    requests = np.concatenate([rng.lognormal(-3.35, 0.42, 45_000), 0.1 + rng.gamma(2.2, 0.062, 1_700)])
    times = latency(requests, histogram=True)
    outcomes = {"ok": 511_900.0, "dropped": 1_030.0, "refused": 310.0, "shed": 0.0, "timed_out": 212.0}
    total = sum(outcomes.values())
    group = {
        "latency": latency(requests),
        "outcomes": {key: figure(value) for key, value in outcomes.items()},
        "error_ratio": figure(1 - outcomes["ok"] / total),
        "throughput": figure(898.1, 0.002),
    }
    p99 = times["p99"]
    objectives: list[Document] = [
        {
            "objective": "latency.p99 below 250ms",
            "metric": "latency.p99",
            "operator": "below",
            "threshold": 0.25,
            "value": p99,
        },
        {
            "objective": "error_ratio below 0.5%",
            "metric": "error_ratio",
            "operator": "below",
            "threshold": 0.005,
            "value": group["error_ratio"],
        },
        {
            "objective": "throughput above 850/s",
            "metric": "throughput",
            "operator": "above",
            "threshold": 850.0,
            "value": group["throughput"],
        },
    ]
    for row, met in zip(objectives, (False, True, True), strict=True):
        row |= {"scope": None, "met": met, "certain": met}
    return {
        "format": "headroom.result/v1",
        "engine_version": "0.1.0",
        "scenario_hash": "9f0b4c0f7de3a1fb5e8f4a1a7ad2c4b6e1d0937bb1f3f4d1f6c1b0a29e8d7c65",
        "scenario": scenario(),
        "name": "checkout",
        "seed": 42,
        "trials": TRIALS,
        "confidence": 0.95,
        "horizon": HORIZON,
        "warmup": WARMUP,
        "verdict": "miss",
        "requests": {"total": int(total) * TRIALS},
        "outcomes": group["outcomes"],
        "error_ratio": group["error_ratio"],
        "latency": times,
        "throughput": group["throughput"],
        "arrival_rate": figure(900.7, 0.002),
        "workloads": [{"name": "shoppers", **group}],
        "endpoints": [{"name": "/cart", **group}],
        "servers": [server_row("app", 3, 0.967, requests, pool=True)],
        "links": [
            {"name": "internet", "in_transit_mean": figure(8.6)},
            {"name": "lan", "in_transit_mean": figure(0.54)},
        ],
        "anatomy": anatomy(
            float(requests.mean()), float(requests[requests >= np.quantile(requests, 0.99)].mean())
        ),
        "objectives": objectives,
        "series": sampled([("app", 0), ("app", 1), ("app", 2)]),
        "checks": {"littles_law_residual": 0.0},
    }


def plain_server(name: str, replicas: int, use: float) -> Document:
    """A server group without pools."""
    requests = np.random.default_rng(3).lognormal(-4, 0.3, 500)
    return server_row(name, replicas, use, requests, pool=False)


def unanswered() -> Document:
    """A result of one trial without an answered request: no interval, latency, objective or link."""
    nothing = {"value": None, "low": None, "high": None}
    latency_part: Document = dict.fromkeys(
        ("mean", "sd", "min", "max", "p50", "p90", "p95", "p99", "p999"), nothing
    )
    one = {"value": 1.0, "low": None, "high": None}
    zero = {"value": 0.0, "low": None, "high": None}
    base = document()
    server = plain_server("app", 1, 0.0) | {"latency": latency_part, "memory": None, "per_replica": []}
    return base | {
        "trials": 1,
        "verdict": "none",
        "outcomes": {"ok": zero, "dropped": one, "refused": zero, "shed": zero, "timed_out": zero},
        "error_ratio": one,
        "latency": latency_part | {"histogram": []},
        "throughput": zero,
        "workloads": [],
        "endpoints": [],
        "servers": [server],
        "links": [],
        "anatomy": {"mean": {"total": None, "parts": []}, "p99": {"total": None, "parts": []}},
        "objectives": [],
    }
