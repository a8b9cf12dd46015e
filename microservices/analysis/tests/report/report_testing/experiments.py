"""Documents of experiments, made without running anything: a queue by its formula, with fixed noise."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

from report_testing.documents import document, figure, scenario

Document = dict[str, Any]

RATE = "spec.workloads[0].arrivals.rate"
REPLICAS = "spec.servers[0].replicas"
POLICY = "spec.routers[0].policy"
SIZE = "spec.servers[0].pools[0].size"
LIMIT = 0.25


def value(path: str, number: float | str, unit: str = "") -> Document:
    """A value that was put in."""
    if isinstance(number, str):
        return {"path": path, "text": number, "number": None, "unit": ""}
    return {"path": path, "text": f"{number:g}{unit}", "number": float(number), "unit": unit}


def point(index: int, values: list[Document], load: float, trials: int = 10, **changes: Any) -> Document:
    """A point whose server has the given load; from 1 on nothing is answered."""
    rng = random.Random(index)  # noqa: S311 - noise
    mean = 0.02 / (1 - load) if load < 1 else None
    shares = {"mean": 1.0, "p50": 0.7, "p95": 3.0, "p99": 4.6, "p999": 6.9}
    latencies = {
        name: figure(
            None if mean is None else mean * share * rng.uniform(0.97, 1.03), 0.02 + load * share / 80
        )
        for name, share in shares.items()
    }
    rate = 1000 * load
    rates = {
        "throughput": figure(min(rate, 1000.0), 0.01),
        "error_ratio": figure(max(0.0, 1 - 1 / load), 0.1),
        "arrival_rate": figure(rate, 0.01),
    }
    p99 = latencies["p99"]
    met = mean is not None and p99["value"] < LIMIT
    figures = [
        {
            "metric": f"latency.{name}",
            "scope": None,
            "unit": "s",
            **latency,
            "median": None if name == "mean" else latency,
        }
        for name, latency in latencies.items()
    ]
    figures += [
        {
            "metric": name,
            "scope": None,
            "unit": "1" if name == "error_ratio" else "1/s",
            **one,
            "median": None,
        }
        for name, one in rates.items()
    ]
    return {
        "index": index,
        "values": values,
        "trials": trials,
        "precise": None,
        "warmup": 30.0,
        "warm_up": None,
        "requests": {"total": int(rate * 600 * trials)},
        "verdict": "pass" if met else "miss",
        "objectives": [
            {
                "objective": "latency.p99 below 250ms",
                "metric": "latency.p99",
                "scope": None,
                "operator": "below",
                "threshold": LIMIT,
                "value": p99,
                "met": met,
                "certain": p99["low"] is None or not p99["low"] <= LIMIT <= p99["high"],
            }
        ],
        "figures": figures,
        "servers": [
            {
                "name": name,
                "replicas": 3,
                "cores": 2,
                "utilisation": figure(min(use, 1.0), 0.01),
                "saturated": use >= 1,
                "bottleneck": "cpu" if use >= 1 else None,
            }
            for name, use in (("app", load), ("db", load / 2))
        ],
    } | changes


def experiment(kind: str, points: list[Document], sections: Document, **changes: Any) -> Document:
    """The document around points and sections."""
    return {
        "format": "headroom.experiment/v1",
        "engine_version": "0.1.0",
        "kind": kind,
        "name": "checkout",
        "scenario_hash": "9f" * 32,
        "scenario": scenario(),
        "seed": 42,
        "confidence": 0.95,
        "asked": {"trials": 10, "precision": None, "most_trials": 200, "warm_up": "scenario"},
        "trials": sum(one["trials"] for one in points),
        "requests": sum(one["requests"]["total"] for one in points),
        **sections,
        "points": points,
    } | changes


def sweep_of(
    parameters: list[tuple[str, list[Document]]], points: list[Document], design: str = "matrix"
) -> Document:
    """A sweep over parameters."""
    return experiment(
        "sweep",
        points,
        {
            "sweep": {
                "design": design,
                "parameters": [
                    {"path": path, "scale": "linear", "values": values} for path, values in parameters
                ],
                "verdicts": {},
            }
        },
    )


def rates(count: int = 9, last: float = 1200.0) -> Document:
    """A sweep of the load until the server is saturated."""
    step = (last - 400.0) / max(count - 1, 1)
    values = [value(RATE, round(400 + step * index, 3), "/s") for index in range(count)]
    points = [point(index, [one], one["number"] / 1000) for index, one in enumerate(values)]
    return sweep_of([(RATE, values)], points)


def policies() -> Document:
    """A sweep of words."""
    names = ["round_robin", "random", "power_of_two", "least_connections"]
    values = [value(POLICY, name) for name in names]
    points = [point(index, [one], 0.7 - 0.05 * index) for index, one in enumerate(values)]
    return sweep_of([(POLICY, values)], points)


def matrix(columns: int = 5, rows: int = 4) -> Document:
    """A sweep of two parameters."""
    across = [value(RATE, 400 + 150 * index, "/s") for index in range(columns)]
    up = [value(REPLICAS, 2 + index) for index in range(rows)]
    points = [
        point(index, [a, b], a["number"] / b["number"] / 320)
        for index, (a, b) in enumerate(product(across, up))
    ]
    return sweep_of([(RATE, across), (REPLICAS, up)], points)


def hypercube(count: int = 60) -> Document:
    """A Latin hypercube over three parameters."""
    rng = random.Random(5)  # noqa: S311 - a design
    sampled = [
        [
            value(RATE, round(rng.uniform(300, 900), 1), "/s"),
            value(REPLICAS, rng.randint(2, 6)),
            value(POLICY, rng.choice(["round_robin", "random"])),
        ]
        for _ in range(count)
    ]
    points = [
        point(index, values, values[0]["number"] / values[1]["number"] / 320)
        for index, values in enumerate(sampled)
    ]
    parameters = [
        (path, list({values[place]["text"]: values[place] for values in sampled}.values()))
        for place, path in enumerate((RATE, REPLICAS, POLICY))
    ]
    return sweep_of(parameters, points, "latin-hypercube")


def capacity(**changes: Any) -> Document:
    """A search for the largest rate."""
    numbers = [500.0, 1000.0, 750.0, 625.0, 640.0, 632.5]
    values = [value(RATE, number, "/s") for number in numbers]
    points = [
        point(index, [one], one["number"] / 1000, 40 if index > 3 else 10) for index, one in enumerate(values)
    ]
    steps = [
        {
            "point": one["index"],
            "value": one["values"][0],
            "verdict": one["verdict"],
            "certain": one["index"] < 4,
            "trials": one["trials"],
        }
        for one in points
    ]
    found = {
        "path": RATE,
        "find": "largest",
        "find_by": "name",
        "objectives": ["latency.p99 below 250ms"],
        "unit": "/s",
        "range": {"low": value(RATE, 1, "/s"), "high": value(RATE, 4000, "/s")},
        "today": values[0],
        "answer": values[3],
        "certain": False,
        "next": values[5],
        "headroom": 0.25,
        "bounded_by": None,
        "monotone": True,
        "first_to_saturate": {"server": "app", "resource": "cpu", "utilisation": 0.87, "at": values[5]},
        "steps": steps,
    }
    return experiment("capacity", points, {"capacity": found | changes})


def compared(
    metric: str, scope: Document | None, a: float | None, change: float, width: float, **changes: Any
) -> Document:
    """A metric of a comparison."""
    beyond = abs(change) > width
    difference = (
        None
        if a is None
        else {"value": a * change, "low": a * (change - width), "high": a * (change + width)}
    )
    return {
        "metric": metric,
        "scope": scope,
        "unit": "s" if metric.startswith("latency") else "1",
        "a": figure(a),
        "b": figure(None if a is None else a * (1 + change)),
        "difference": difference or figure(None),
        "relative_difference": None if a is None else change,
        "significant": beyond,
        "paired": True,
        "p_value": 0.001 if beyond else 0.4,
        "p_adjusted": 0.01 if beyond else 1.0,
        "significant_overall": beyond,
        "unpaired_trials": 120.0,
        "variance_ratio": 12.0,
    } | changes


def comparison(names: tuple[str, str] = ("checkout", "checkout")) -> Document:
    """Two policies."""
    points = [point(0, [], 0.7), point(1, [], 0.6)]
    metrics = [
        compared("latency.mean", None, 0.066, -0.2, 0.02),
        compared("latency.p99", None, 0.3, -0.25, 0.05),
        compared("latency.p999", None, 0.5, -0.03, 0.08),
        compared("error_ratio", None, 0.002, 0.01, 0.2),
        compared("utilisation", {"server": "app"}, 0.7, -0.001, 0.004),
        compared("latency.p99", {"server": "app"}, None, 0.0, 0.0),
    ]
    causes = [
        ("cpu_wait", "app", 0.05, -0.03),
        ("io", "app", 0.01, 0.001),
        ("link:internet", None, 0.004, 0.0),
    ]

    def contrast(a: float, change: float) -> Document:
        return {
            "a": figure(a),
            "b": figure(a + change),
            "difference": figure(change),
            "significant": bool(change),
        }

    parts = [{"cause": cause, "server": server, **contrast(a, change)} for cause, server, a, change in causes]
    anatomy = {group: {"total": contrast(0.064, -0.029), "parts": parts} for group in ("mean", "p99")}
    found = {
        "format": "headroom.comparison/v1",
        "a": {"name": names[0], "trials": 10},
        "b": {"name": names[1], "trials": 10},
        "confidence": 0.95,
        "paired": True,
        "pairs": 10,
        "metrics": metrics,
        "scenario_differences": [
            {"path": "spec.routers[lb].policy", "a": "least_connections", "b": "round_robin"}
        ],
        "more_differences": 0,
    }
    return experiment("compare", points, {"comparison": found, "anatomy": anatomy})


def sensitivity(method: str = "morris", count: int = 3) -> Document:
    """Which parameter moves the p99."""
    paths = [
        RATE,
        REPLICAS,
        SIZE,
        *(f"spec.servers[0].endpoints[0].steps[{index}].cpu.mean" for index in range(count - 3)),
    ][:count]
    parameters = []
    for rank, path in enumerate(paths):
        size = 0.3 / (rank + 1)
        found: Document = {
            "path": path,
            "low": value(path, 1 + rank),
            "high": value(path, 10 + rank),
            "rank": rank + 1,
            "tornado": {"low": figure(0.3 - size / 2), "high": figure(0.3 + size)},
        }
        if method == "morris":
            found |= {"mu": size * (-1) ** rank, "mu_star": figure(size, 0.2), "sigma": size / (1 + rank)}
        else:
            found |= {"s1": figure(0.6 / (rank + 1), 0.2), "st": figure(0.8 / (rank + 1), 0.2)}
        parameters.append(found)
    points = [
        point(index, [value(path, 2 + index) for path in paths], 0.3 + index / 100) for index in range(40)
    ]
    section = {
        "metric": "latency.p99",
        "scope": None,
        "unit": "s",
        "method": method,
        "base": figure(0.3),
        "parameters": parameters,
    }
    return experiment("sensitivity", points, {"sensitivity": section})


def replications(*, precise: bool = True, settled: bool = True) -> Document:
    """Replications of the realistic result with a warm-up that was found."""
    cut = {"rule": "MSER-5", "cut": 30.0, "settled": settled, "pilot_trials": 5}
    points = [point(0, [], 0.6, 37, precise=precise, warm_up=cut)]
    judged = [
        {"metric": "latency.p99", "scope": None, "half_width": 0.042 if precise else 0.082, "relative": True}
    ]
    asked = {"trials": 10, "precision": 0.05, "most_trials": 200, "warm_up": "auto"}
    return experiment(
        "replicate", points, {"replicate": {"judged": judged}, "result": document()}, asked=asked
    )


def everything() -> dict[str, Document]:
    """A document of each kind and shape, by name."""
    return {
        "rates": rates(),
        "policies": policies(),
        "matrix": matrix(),
        "hypercube": hypercube(),
        "capacity": capacity(),
        "comparison": comparison(),
        "morris": sensitivity(),
        "sobol": sensitivity("sobol"),
        "replications": replications(),
    }
