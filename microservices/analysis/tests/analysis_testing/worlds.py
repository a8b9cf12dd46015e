"""Small worlds for the tests: layouts of any size, and the tables that a server model would send for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from headroom_analysis.domain.layout import SERVER_CAUSES, Layout

Tables = dict[str, dict[str, np.ndarray[Any, Any]]]

SECOND = 1_000_000_000


def layout(rng: np.random.Generator, **sizes: int) -> Layout:
    """Return a layout with the given sizes, and maps drawn at random."""
    size = {
        "workloads": 1,
        "endpoints": 1,
        "groups": 1,
        "links": 2,
        "targets": 1,
        "pool_slots": 1,
        "replicas": 1,
        "hops": 2,
        "backs": 2,
        "warmup_ns": SECOND,
        "horizon_ns": 10 * SECOND,
        "period_ns": SECOND // 10,
    } | sizes
    replicas = max(size["replicas"], size["groups"])
    paths = size["workloads"] * (size["targets"] + 1)
    groups = np.sort(np.arange(replicas) % size["groups"])
    return Layout(
        workloads=size["workloads"],
        endpoints=size["endpoints"],
        groups=size["groups"],
        links=size["links"],
        targets=size["targets"],
        pool_slots=size["pool_slots"],
        cells=replicas,
        ticks=size["horizon_ns"] // size["period_ns"] + 1,
        period_ns=size["period_ns"],
        warmup_ns=size["warmup_ns"],
        horizon_ns=size["horizon_ns"],
        group_of_replica=groups,
        cell_of_replica=np.arange(replicas),
        links_in=rng.integers(-1, size["links"], (size["hops"], paths)),
        links_back=rng.integers(-1, size["links"], (size["backs"], paths)),
    )


def any_layout(rng: np.random.Generator) -> Layout:
    """Return a layout of random sizes, small ones and ones alike."""
    draw = rng.integers
    warmup = int(draw(0, 2)) * int(draw(0, 5 * SECOND))
    return layout(
        rng,
        workloads=int(draw(1, 4)),
        endpoints=int(draw(1, 4)),
        groups=int(draw(1, 4)),
        replicas=int(draw(1, 7)),
        links=int(draw(1, 4)),
        targets=int(draw(1, 4)),
        pool_slots=int(draw(0, 3)),
        hops=int(draw(1, 4)),
        backs=int(draw(1, 4)),
        warmup_ns=warmup,
        horizon_ns=warmup + int(draw(1, 10 * SECOND)),
        period_ns=int(draw(SECOND // 100, SECOND)),
    )


def requests_table(
    rng: np.random.Generator, plan: Layout, rows: int, scale_ns: float = 2e7
) -> dict[str, np.ndarray[Any, Any]]:
    """Return `requests`: ok rows whose causes add up, and rows of every other outcome."""
    columns = {
        "id": np.arange(rows, dtype=np.int64) << 16,
        "workload": rng.integers(0, plan.workloads, rows).astype(np.int16),
        "endpoint": rng.integers(0, plan.endpoints, rows).astype(np.int16),
        "server": rng.integers(-1, plan.replicas, rows).astype(np.int32),
        "target": rng.integers(-1, plan.targets, rows).astype(np.int32),
        "t0": rng.integers(0, plan.horizon_ns, rows),
    }
    outcome = np.where(rng.random(rows) < 0.7, 0, rng.integers(0, 5, rows)).astype(np.int8)
    outcome[columns["server"] < 0] = 1
    columns["outcome"] = outcome
    path = columns["workload"].astype(np.int64) * (plan.targets + 1) + columns["target"] + 1
    causes: dict[str, np.ndarray[Any, Any]] = {}
    for prefix, links in (("hop", plan.links_in), ("back", plan.links_back)):
        for hop, link_of_path in enumerate(links):
            spent = (rng.exponential(scale_ns, rows)).astype(np.int64)
            causes[f"{prefix}{hop}"] = np.where(link_of_path[path] >= 0, spent, 0)
    for cause in (*SERVER_CAUSES, *(f"pool_wait{slot}" for slot in range(plan.pool_slots))):
        waits = rng.random(rows) < 0.8
        causes[cause] = np.where(waits, rng.exponential(scale_ns, rows), 0).astype(np.int64)
    latency = np.sum(list(causes.values()), axis=0)
    columns["latency"] = np.where(outcome == 0, latency, rng.integers(0, 10**9, rows))
    return columns | causes


def servers_table(rng: np.random.Generator, plan: Layout) -> dict[str, np.ndarray[Any, Any]]:
    """Return `servers` with numbers that a segment may have."""
    most = {"arrivals": 200, "completed": 200, "refused": 20, "shed": 20, "memory_kib_ns_low": 1 << 20}
    names = (
        *("arrivals", "completed", "refused", "shed", "busy_ns", "ready_wait_ns", "memory_wait_ns", "io_ns"),
        *("in_system_ns", "memory_kib_ns_high", "memory_kib_ns_low", "little_area_ns"),
        *("peak_ready", "peak_memory_kib", "peak_in_system"),
    )
    table = {name: rng.integers(0, most.get(name, SECOND), plan.replicas) for name in names}
    table["little_sojourn_ns"] = table["little_area_ns"].copy()
    return table


def all_tables(rng: np.random.Generator, plan: Layout, rows: int) -> Tables:
    """Return every table of a completed event."""
    slots = plan.replicas * plan.pool_slots
    samples = int(rng.integers(0, 2 * plan.ticks))
    cells = plan.cells
    tables = {
        "requests": requests_table(rng, plan, rows),
        "servers": servers_table(rng, plan),
        "pools": {
            name: rng.integers(0, SECOND, slots)
            for name in ("wait_ns", "held_ns", "acquired", "peak_waiting")
        },
        "samples": {
            "tick": rng.integers(0, plan.ticks, samples),
            "cell": rng.integers(0, cells, samples).astype(np.int32),
            **{
                name: rng.integers(0, 9, samples)
                for name in ("ready", "io", "memory_kib", "busy", "in_system")
            },
        },
        "pool_samples": {
            "tick": rng.integers(0, plan.ticks, samples),
            "cell": rng.integers(0, cells, samples),
            "slot": rng.integers(0, max(plan.pool_slots, 1), samples),
            "in_use": rng.integers(0, 9, samples),
        },
        "link_samples": {
            "tick": rng.integers(0, plan.ticks + 1, samples),
            "link": rng.integers(0, max(plan.links, 1), samples),
            "delta": rng.integers(0, 4, samples),
        },
    }
    if plan.pool_slots == 0:
        del tables["pools"], tables["pool_samples"]
    return tables
