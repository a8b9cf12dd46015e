from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from server_model_testing.fleets import (
    STREAM,
    Handed,
    at_client,
    at_router,
    closed,
    fleet,
    latencies,
    rows_of,
    run,
    server,
    workload,
)
from server_model_testing.servers import MS, Tables, simulate_rows

from headroom_common.simcore.jit import COMPILED
from headroom_server_model.domain.carrying import load, save
from headroom_server_model.domain.records import WAITING, SegmentResult
from headroom_server_model.domain.state import COUNTERS, FREE_SLOTS, SLOTS, slot_width

STEPS = [{"cpu": "4ms"}, {"pool": "db", "steps": [{"io": "50ms"}]}]
BURST = 5000 if COMPILED else 1500


def busy(**more: Any) -> Any:
    """A server in which requests wait in every way."""
    endpoints = [{"name": "/", "memory": "1Ki", "steps": STEPS}]
    pools = [{"name": "db", "size": 1}]
    return fleet(servers=[server(endpoints=endpoints, memory="4Ki", pools=pools)], **more)


def until(scenario: Any, requests: list[Handed], watermark_ms: float, carried: Tables) -> SegmentResult:
    rows = rows_of(scenario, requests)
    return simulate_rows(scenario, rows, carried, int(watermark_ms * MS), stream=STREAM)


def same(left: Tables, right: Tables) -> bool:
    return left.keys() == right.keys() and all(
        np.array_equal(column, right[name][key])
        for name, table in left.items()
        for key, column in table.items()
    )


@pytest.mark.parametrize("watermark_ms", [0.5, 3, 5, 9, 30, 60, 400])
def test_what_is_saved_and_loaded_is_saved_again(watermark_ms: float) -> None:
    scenario = busy()
    result = until(scenario, [Handed(t) for t in range(6)], watermark_ms, {})
    carried = {name: table for name, table in result.carried.items() if name != WAITING}
    world = scenario.world(STREAM)
    load(world, scenario.lines, carried)
    assert same(save(world), carried)


def test_only_what_is_in_flight_travels() -> None:
    scenario = busy()
    result = until(scenario, [Handed(t) for t in range(6)] + [Handed(70), Handed(71)], 60, {})
    # Served until 60 ms: the first, at 54.
    width = slot_width(scenario.world(STREAM))
    assert len(result.carried["server.slots"]["cells"]) == 5 * width
    assert (result.carried[WAITING]["id"] >> 16).tolist() == [6, 7]
    done = until(scenario, [], 1000, result.carried)
    assert len(done.carried["server.slots"]["cells"]) == 0
    assert len(done.carried[WAITING]["id"]) == 0
    assert len(result.completed["requests"]["id"]) + len(done.completed["requests"]["id"]) == 8


def test_waiting_rows_keep_their_dtypes() -> None:
    waiting = until(busy(), [Handed(70)], 60, {}).carried[WAITING]
    dtypes = {name: column.dtype.name for name, column in waiting.items()}
    assert dtypes == {
        **dict.fromkeys(("id", "t0", "ready_ns", "hop0"), "int64"),
        **dict.fromkeys(("workload", "endpoint"), "int16"),
        **dict.fromkeys(("server", "target"), "int32"),
        "phase": "int8",
    }


def test_an_empty_state_has_all_slots_free() -> None:
    scenario = busy()
    world = scenario.world(STREAM)
    load(world, scenario.lines, {})
    assert world[COUNTERS][0, FREE_SLOTS] == len(world[SLOTS]) == 1024


def test_loading_leaves_what_was_carried_alone() -> None:
    scenario = busy()
    first = until(scenario, [Handed(t) for t in range(6)], 30, {})
    kept = {
        name: {key: column.copy() for key, column in table.items()} for name, table in first.carried.items()
    }
    one = until(scenario, [], 500, first.carried)
    assert same(first.carried, kept)
    assert same(until(scenario, [], 500, first.carried).completed, one.completed)


@pytest.mark.parametrize("cut", [None, 700])
def test_a_burst_grows_the_slots_and_loses_nobody(cut: int | None) -> None:
    scenario = fleet(servers=[server({"cpu": "1us"}, {"io": "3ms"})])
    tables = run(scenario, [Handed(1)] * BURST, cut)
    assert latencies(tables) == pytest.approx([3 + 0.001 * (k + 1) for k in range(BURST)])
    assert tables["servers"]["peak_in_system"].tolist() == [BURST]


def test_a_failure_in_a_burst_grows_the_slots_too() -> None:
    fault = {"kind": "server_down", "server": "app", "start": "2ms", "end": "3ms", "in_flight": "lost"}
    scenario = fleet(servers=[server({"io": "30ms"})], faults=[fault])
    tables = run(scenario, [Handed(1)] * BURST + [Handed(4)] * 10)
    assert np.bincount(tables["requests"]["outcome"]).tolist() == [10, 0, BURST]


@pytest.mark.parametrize("watermark_ms", [10.0, 10.000001, 25, 31, 200])
def test_routers_connections_and_closed_users_travel(watermark_ms: float) -> None:
    links = [{"name": "lan", "delay": "5ms"}]
    targets = [{"server": "app", "link": "lan"}]
    routers = [{"name": "lb", "policy": "least_connections", "targets": targets}]
    scenario = fleet(
        links=links,
        routers=routers,
        servers=[server({"cpu": "7ms"}, replicas=3)],
        workloads=[workload(entry="lb"), closed(2, "10ms", name="closed", entry="lb")],
    )
    requests = [at_router(t) for t in range(10)] + [at_client(10, 1)] * 2
    whole = run(scenario, requests)["requests"]
    first = until(scenario, requests, watermark_ms, {})
    rest = until(scenario, [], 10**6, first.carried)
    parts = [first.completed["requests"], rest.completed["requests"]]
    together = {name: np.concatenate([part[name] for part in parts]) for name in whole}
    order = np.argsort(together["id"])
    for name, column in whole.items():
        assert together[name][order].tolist() == column.tolist()
