"""Hypothesis strategies: small scenarios that use everything, in whole milliseconds so that ties abound."""

from __future__ import annotations

import copy
import re
from typing import Any

from hypothesis import strategies as st

from headroom_common.scenario import Scenario
from headroom_common.simcore.balancing import POLICIES

Draw = Any
Document = dict[str, Any]

MILLISECONDS = st.sampled_from([1, 2, 3, 0, 4, 5, 8, 13, 21]).map(lambda n: f"{n}ms")
POSITIVE = st.sampled_from([1, 1, 2, 3, 5, 8]).map(lambda n: f"{n}ms")


@st.composite
def laws(draw: Draw) -> Any:  # noqa: PLR0911 - one return per law
    """A law of durations; more than half of them constant and a whole number of ms, 0 included."""
    name = draw(
        st.sampled_from(
            ["constant"] * 9
            + [
                "exponential",
                "normal",
                "lognormal",
                "uniform",
                "gamma",
                "weibull",
                "pareto",
                "poisson",
                "poisson",
            ]
            + ["empirical"]
        )
    )
    mean, sd = draw(POSITIVE), draw(POSITIVE)
    match name:
        case "constant":
            return draw(MILLISECONDS)
        case "exponential" | "poisson":
            return {"distribution": name, "mean": mean}
        case "normal" | "lognormal" | "gamma":
            return {"distribution": name, "mean": mean, "sd": sd}
        case "uniform":
            return {"distribution": name, "low": mean, "high": f"{int(mean[:-2]) + int(sd[:-2])}ms"}
        case "weibull":
            return {"distribution": name, "shape": draw(st.sampled_from([0.7, 1.0, 2.0])), "scale": mean}
        case "pareto":
            return {"distribution": name, "shape": draw(st.sampled_from([1.5, 2.5])), "minimum": mean}
    return {"distribution": name, "quantiles": sorted([mean, sd, "4ms"], key=lambda text: int(text[:-2]))}


@st.composite
def steps(draw: Draw, pools: tuple[str, ...], depth: int = 0) -> list[Document]:
    """One to three steps; pools may nest, none twice at once."""
    result: list[Document] = []
    for _ in range(draw(st.sampled_from([1, 2, 3]) if depth else st.sampled_from([2, 1, 3, 4]))):
        kind = draw(st.sampled_from(["cpu", "pool", "io"] if pools else ["cpu", "io", "cpu"]))
        if kind == "pool":
            pool = draw(st.sampled_from(pools))
            rest = pools[pools.index(pool) + 1 :]  # nesting in one order only: opposite orders could deadlock
            result.append({"pool": pool, "steps": draw(steps(rest, depth + 1))})
        else:
            result.append({kind: draw(laws())})
    return result


@st.composite
def servers(draw: Draw, name: str, endpoints: list[str]) -> Document:
    """A server with every limit that a server may have."""
    pools = draw(st.sampled_from([("db",), ("db", "cache"), ()]))
    memory = draw(st.sampled_from([None, 5, None, None, 2]))
    sizes = [0, 1, 1, memory] if memory else [0, 1, 3]
    document: Document = {
        "name": name,
        "replicas": draw(st.sampled_from([1, 1, 2, 1, 3, 1, 2, 1, 1, 2, 3, 50])),
        "cores": draw(st.sampled_from([1, 1, 2])),
        "endpoints": [
            {"name": endpoint, "memory": f"{draw(st.sampled_from(sizes))}Ki", "steps": draw(steps(pools))}
            for endpoint in endpoints
        ],
        "pools": [{"name": pool, "size": draw(st.integers(1, 3))} for pool in pools],
    }
    if memory:
        document["memory"] = f"{memory}Ki"
    if draw(st.integers(0, 5)) == 5:
        document["queue_limit"] = draw(st.integers(0, 4))
    if draw(st.integers(0, 5)) == 5:
        document["concurrency_limit"] = draw(st.integers(1, 9))
    return document


@st.composite
def routers(draw: Draw, name: str, server_names: list[str], links: list[str]) -> Document:
    """A router of any policy over some of the servers."""
    chosen = draw(st.lists(st.sampled_from(server_names), min_size=1, unique=True))
    targets = []
    for server in chosen:
        target: Document = {"server": server}
        if links and draw(st.booleans()):
            target["link"] = draw(st.sampled_from(links))
        if draw(st.booleans()):
            target["weight"] = draw(st.sampled_from([0.5, 1, 2, 3]))
        if draw(st.integers(0, 4)) == 4:
            target["return_via"] = draw(st.lists(st.sampled_from(links), max_size=3)) if links else []
        targets.append(target)
    document: Document = {"name": name, "policy": draw(st.sampled_from(POLICIES)), "targets": targets}
    if draw(st.integers(0, 6)) == 6:
        rate = draw(st.sampled_from(["50/s", "200/s", "333/s", "1000/s"]))
        document["rate_limit"] = {"rate": rate, "burst": draw(st.integers(1, 5))}
    return document


@st.composite
def rates(draw: Draw, per_second: int, horizon: int) -> Any:
    """A constant rate or a profile around it."""
    shape = draw(st.sampled_from(["constant", "constant", "step", "linear"]))
    if shape == "constant":
        return f"{per_second}/s"
    corners = draw(st.lists(st.integers(1, horizon), max_size=4, unique=True))
    levels = draw(st.lists(st.sampled_from([0, 1, 2]), min_size=len(corners), max_size=len(corners)))
    points = [{"at": "0s", "rate": f"{per_second * draw(st.sampled_from([1, 1, 2]))}/s"}]
    points += [
        {"at": f"{at}ms", "rate": f"{per_second * level}/s"}
        for at, level in zip(sorted(corners), levels, strict=True)
    ]
    return {"shape": shape, "points": points}


@st.composite
def arrivals(draw: Draw, horizon: int) -> Document:
    """Arrivals of any kind, about 10 to 80 of them within the horizon (ms)."""
    kind = draw(st.sampled_from(["poisson", "users", "deterministic", "trace", "trace", "closed", "closed"]))
    if kind in {"poisson", "deterministic"}:
        per_second = draw(st.sampled_from([40, 20, 80])) * 1000 // horizon
        if kind == "deterministic":
            per_second = min((100, 125, 200, 250, 500, 1000), key=lambda rate: abs(rate - per_second))
        return {"kind": kind, "rate": draw(rates(per_second, horizon))}
    if kind == "users":
        mean = draw(st.sampled_from([0.5, 2, 8]))
        law = draw(st.sampled_from([{"law": "poisson"}, {"law": "normal", "sd": 2.0}]))
        window = draw(st.sampled_from([horizon // 7 + 1, horizon // 3, horizon * 2]))
        rate = int(40 * 1000 / horizon / mean)
        return {
            "kind": kind,
            "users": {"mean": mean} | law,
            "rate_per_user": f"{rate}/s",
            "window": f"{window}ms",
        }
    if kind == "trace":
        gaps = draw(st.lists(st.sampled_from([0, 0, 0, 1, 1, 2, 3, 7]), min_size=20, max_size=80))
        times = [sum(gaps[: index + 1]) for index in range(len(gaps))]
        return {"kind": kind, "times": [f"{time}ms" for time in times]}
    return {"kind": kind, "users": draw(st.integers(2, 9)), "think_time": draw(laws_that_pass(horizon))}


def laws_that_pass(horizon: int) -> st.SearchStrategy[Any]:
    """Think times long enough that a closed loop does not go round for ever."""
    least = max(horizon // 30, 1)
    constant = st.sampled_from([least, least + 1, 2 * least]).map(lambda n: f"{n}ms")
    random = st.sampled_from(["exponential", "poisson"]).map(
        lambda name: {"distribution": name, "mean": f"{2 * least}ms"}
    )
    return constant | random


@st.composite
def workloads(
    draw: Draw, name: str, entries: list[str], links: list[str], endpoints: list[str], horizon: int
) -> Document:
    """A workload of any kind."""
    document: Document = {
        "name": name,
        "entry": draw(st.sampled_from(entries)),
        "arrivals": draw(arrivals(horizon)),
        "via": draw(st.lists(st.sampled_from(links), max_size=2)) if links else [],
        "sessions": draw(st.sampled_from([1, 3, 1000])),
    }
    if len(endpoints) > 1 or draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(endpoints), min_size=1, unique=True))
        document["mix"] = [{"endpoint": e, "weight": draw(st.sampled_from([0.3, 1, 2]))} for e in chosen]
    if document["arrivals"]["kind"] != "closed" and draw(st.integers(0, 3)) == 3:
        document["timeout"] = draw(st.sampled_from(["5ms", "10ms", "40ms"]))
    return document


@st.composite
def faults(draw: Draw, server_documents: list[Document], links: list[str], horizon: int) -> Document:
    """A fault of any kind at whole milliseconds; starts and ends often coincide."""
    kinds = ["server_down", "server_down", "server_slowdown"] + (["link_delay", "link_loss"] if links else [])
    kind = draw(st.sampled_from(kinds))
    grid = max(horizon // 6, 1)
    start = grid * draw(st.integers(0, 5))
    document: Document = {"kind": kind, "start": f"{start}ms"}
    length = draw(st.sampled_from([1, grid, grid, 2 * grid]))
    document |= {"end": f"{start + length}ms"} if draw(st.booleans()) else {"duration": f"{length}ms"}
    if kind.startswith("link"):
        document["link"] = draw(st.sampled_from(links))
        return document | (
            {"extra": draw(POSITIVE)} if kind == "link_delay" else {"loss": draw(st.sampled_from([0.2, 0.7]))}
        )
    server = draw(st.sampled_from(server_documents))
    document["server"] = server["name"]
    if draw(st.booleans()):
        document["replica"] = draw(st.integers(0, server["replicas"] - 1))
    if kind == "server_down":
        return document | {"in_flight": draw(st.sampled_from(["continue", "lost"]))}
    return document | {"factor": draw(st.sampled_from([1.0, 1.5, 2.0, 3.3]))}


@st.composite
def documents(draw: Draw) -> Document:
    """A scenario as its author would write it."""
    horizon = draw(st.sampled_from([60, 100, 150, 301]))
    endpoints = draw(st.sampled_from([["/a"], ["/a", "/b"]]))
    names = ["app", "web", "db"][: draw(st.sampled_from([1, 1, 2, 3]))]
    server_documents = [draw(servers(name, endpoints)) for name in names]
    link_names = ["lan", "wan", "edge"][: draw(st.integers(0, 3))]
    links = [
        {"name": name, "delay": draw(laws()), "loss": draw(st.sampled_from([0, 0, 0.05, 0.3]))}
        for name in link_names
    ]
    singles = [server["name"] for server in server_documents if server["replicas"] == 1]
    router_names = ["lb", "edge-lb"][: draw(st.sampled_from([1, 1, 2] if singles else [1, 2]))]
    entries = router_names * 3 + singles
    count = draw(st.sampled_from([1, 1, 2, 3]))
    return {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "generated"},
        "spec": {
            "horizon": f"{horizon}ms",
            "warmup": f"{draw(st.sampled_from([0, 0, 10, horizon // 2]))}ms",
            "sample_period": f"{draw(st.sampled_from([1, 3, 10, 37, 400]))}ms",
            "workloads": [
                draw(workloads(f"w{number}", entries, link_names, endpoints, horizon))
                for number in range(count)
            ],
            "links": links,
            "routers": [draw(routers(name, names, link_names)) for name in router_names],
            "servers": server_documents,
            "faults": [
                draw(faults(server_documents, link_names, horizon))
                for _ in range(draw(st.sampled_from([0, 1, 2, 4])))
            ],
        },
    }


def stretched(document: Any, unit: str) -> Any:
    """Return the document with its ms as seconds or hours, its rates lowered alike, its KiB as GiB.

    Integrals of memory over hours do not fit 64 bits; small numbers would never show it. The Poisson law
    counts milliseconds, which takes too long for hours, so it becomes exponential.
    """
    if unit == "ms":
        return document
    if isinstance(document, dict):
        if document.get("distribution") == "poisson":
            document = document | {"distribution": "exponential"}
        return {key: stretched(value, unit) for key, value in document.items()}
    if isinstance(document, list):
        return [stretched(value, unit) for value in document]
    if isinstance(document, str) and re.fullmatch(r"\d+/s", document):
        return f"{int(document[:-2]) * 86_400 / {'s': 1_000, 'h': 3_600_000}[unit]:.6f}/d"
    if isinstance(document, str) and re.fullmatch(r"\d+(ms|Ki)", document):
        return document.replace("ms", unit).replace("Ki", "Gi")
    return document


def scenarios() -> st.SearchStrategy[Scenario]:
    """Valid scenarios; one in five over hours or days."""
    units = st.sampled_from(["ms", "ms", "ms", "ms", "ms", "ms", "ms", "ms", "s", "h"])
    return st.builds(stretched, documents(), units).map(Scenario.from_dict)


def _flat(steps: list[Document]) -> list[Document]:
    """The CPU and I/O steps of a program, those inside pools too."""
    return [found for step in steps for found in (_flat(step["steps"]) if "pool" in step else [step])]


def _plain_first(steps: list[Document]) -> list[Document]:
    """At most one CPU step, then the I/O steps."""
    flat = _flat(steps)
    return [step for step in flat if "cpu" in step][:1] + [step for step in flat if "io" in step]


def feed_forward(scenario: Scenario) -> Scenario:
    """Take from a scenario all that keeps the recursion from simulating it; memory may still bind."""
    document = copy.deepcopy(scenario.canonical())
    spec: Any = document["spec"]
    per_horizon = f"{40e9 * 3600 / scenario.spec.horizon:.6f}/h"
    for server in spec["servers"]:
        for key in ("pools", "queue_limit", "concurrency_limit"):
            server.pop(key, None)
        for endpoint in server["endpoints"]:
            endpoint["steps"] = _plain_first(endpoint["steps"])
    for router in spec.get("routers", []):
        if router["policy"] in {"least_connections", "power_of_two"}:
            router["policy"] = "round_robin"
    for workload in spec["workloads"]:
        if workload["arrivals"]["kind"] == "closed":
            workload["arrivals"] = {"kind": "poisson", "rate": per_horizon}
    spec["faults"] = [fault for fault in spec.get("faults", []) if fault["kind"].startswith("link")]
    spec.pop("objectives", None)
    return Scenario.from_dict(document)
