from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from router_testing.worlds import (
    CLOSED,
    MS,
    SCALE,
    arrivals,
    by_id,
    compiled,
    in_segments,
    many,
    routed,
    router,
    server,
    transit,
    workload,
)

from headroom_common.simcore.balancing import FIRST_FEEDBACK_POLICY, POLICIES
from headroom_router.domain.segment import route_segment

WAITING = "router.pending"
EARLY = POLICIES[:FIRST_FEEDBACK_POLICY]
LINKS = [
    {"name": "wan", "delay": {"distribution": "exponential", "mean": "9ms"}, "loss": "5%"},
    {"name": "lan", "delay": {"distribution": "uniform", "low": "1ms", "high": "3ms"}, "loss": "2%"},
]
FAULTS = [
    {"kind": "server_down", "server": "app", "replica": 1, "start": "10ms", "end": "30ms"},
    {"kind": "link_loss", "link": "lan", "loss": "30%", "start": "20ms", "end": "40ms"},
]


def busy(policy: str) -> Any:
    """A scenario that uses all that a router can do."""
    targets = [{"server": "app", "link": "lan", "weight": 3}, {"server": "other"}]
    limit = {"rate": "600/s", "burst": 3}
    return compiled(
        links=LINKS,
        faults=FAULTS,
        sample_period="3ms",
        servers=[server(replicas=2), server("other"), server("alone")],
        routers=[router(policy, targets=targets, rate_limit=limit), router("least_connections", name="late")],
        workloads=[
            workload(via=["wan"]),
            workload("near"),
            workload("direct", entry="alone", via=["lan"]),
            workload("late", entry="late", via=["lan"]),
            workload("closed", entry="late", arrivals=CLOSED),
        ],
    )


SCENARIOS = {policy: busy(policy) for policy in EARLY}
ARRIVALS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(EARLY), ARRIVALS, st.sets(st.integers(1, 60)), st.integers(0, 2**64 - 1))
def test_segments_change_nothing(
    policy: str, moves: list[tuple[int, int]], cuts: set[int], seed: int
) -> None:
    times = np.cumsum([gap for gap, _ in moves]) * MS
    rows = arrivals(times.tolist(), [which for _, which in moves])
    order = np.lexsort((rows["id"], rows["t0"]))
    rows = {name: column[order] for name, column in rows.items()}
    whole = routed(SCENARIOS[policy], rows, seed=seed)
    parts = in_segments(SCENARIOS[policy], rows, [cut for cut in cuts if cut < len(moves)], seed)
    assert by_id(*(part.routed for part in parts)) == by_id(whole.routed)
    assert by_id(*(part.ended for part in parts)) == by_id(whole.ended)
    assert transit(*(part.link_samples for part in parts)) == transit(whole.link_samples)
    assert set(by_id(whole.routed, whole.ended)) == set(rows["id"].tolist())
    assert len(parts[-1].carried[WAITING]["id"]) == 0
    for name in ("router.routers", "router.targets", "router.backends"):
        for column, values in whole.carried[name].items():
            assert parts[-1].carried[name][column].tolist() == values.tolist()


def test_who_reaches_the_router_after_the_watermark_waits() -> None:
    scenario = compiled(links=[{"name": "wan", "delay": "7ms"}], workloads=[workload(via=["wan"])])
    first = routed(scenario, arrivals([0, 2 * MS, 3 * MS]), watermark=9 * MS)
    assert (first.routed["id"] >> 16).tolist() == [0]
    pending = first.carried[WAITING]
    assert (pending["id"] >> 16).tolist() == [1, 2]  # what is due at the watermark is not decided yet
    assert pending["ready_ns"].tolist() == [9 * MS, 10 * MS]
    assert pending["hop0"].tolist() == [7 * MS] * 2


def test_those_who_waited_come_in_order_with_the_new_ones() -> None:
    slow = [{"name": "slow", "delay": "50ms"}, {"name": "fast", "delay": "1ms"}]
    workloads = [workload("slow", via=["slow"]), workload("fast", via=["fast"])]
    scenario = compiled(links=slow, workloads=workloads)
    rows = arrivals([0, 10 * MS, 49 * MS, 49 * MS + 1, 60 * MS], [0, 1, 1, 1, 1])
    parts = in_segments(scenario, rows, [2, 4])
    servers = {identity: row["server"] for identity, row in by_id(*(part.routed for part in parts)).items()}
    # At 11, 50 (slow and fast, the smaller id first), 50 + 1 ns and 61 ms.
    assert servers == {1: 0, 0: 1, 1 << 16 | 1: 2, 2 << 16 | 1: 0, 3 << 16 | 1: 1}


def test_many_segments_of_one_arrival() -> None:
    rows = many(300, MS // 3)
    for policy in EARLY:
        whole = routed(SCENARIOS[policy], rows)
        parts = in_segments(SCENARIOS[policy], rows, range(1, 300))
        assert by_id(*(part.routed for part in parts)) == by_id(whole.routed)


def test_a_segment_without_arrivals_decides_those_who_wait() -> None:
    scenario = compiled(links=[{"name": "wan", "delay": "7ms"}], workloads=[workload(via=["wan"])])
    first = routed(scenario, arrivals([0, 1]), watermark=2)
    assert len(first.routed["id"]) == 0
    world = scenario.world(0)
    last = route_segment(world, arrivals([]), first.carried, 20 * MS)
    assert last.routed["server"].tolist() == [0, 1]
    assert len(last.carried[WAITING]["id"]) == 0


@pytest.mark.parametrize("policy", ["round_robin", "weighted_round_robin"])
def test_turns_are_spread_evenly(policy: str) -> None:
    count = 9_000 // SCALE // 3 * 3
    found = routed(compiled(routers=[router(policy)]), many(count)).routed
    assert Counter(found["server"].tolist()) == {0: count // 3, 1: count // 3, 2: count // 3}


def test_a_session_stays_with_its_server() -> None:
    one = compiled(routers=[router("consistent_hash")], workloads=[workload(sessions=1)])
    assert len(set(routed(one, many(200)).routed["server"].tolist())) == 1
    spread = compiled(routers=[router("consistent_hash")])
    assert len(set(routed(spread, many(200)).routed["server"].tolist())) == 3


def test_routers_are_independent() -> None:
    routers = [router(), router(name="second")]
    scenario = compiled(routers=routers, workloads=[workload(), workload("w", entry="second")])
    found = routed(scenario, arrivals([0, 0, 1, 1, 2], [0, 1, 0, 1, 1])).routed
    assert found["server"].tolist() == [0, 0, 1, 1, 2]
    assert found["target"].tolist() == [0, 1, 0, 1, 1]


def test_the_arrivals_and_the_carried_state_are_left_alone() -> None:
    scenario = SCENARIOS["round_robin"]
    rows = many(50)
    before = {name: column.copy() for name, column in rows.items()}
    first = routed(scenario, rows, watermark=20 * MS)
    kept = {name: {c: v.copy() for c, v in table.items()} for name, table in first.carried.items()}
    for _ in range(2):
        route_segment(scenario.world(3), rows, first.carried, 60 * MS)
    for name, column in before.items():
        assert np.array_equal(rows[name], column)
    for name, table in kept.items():
        for column_name, values in table.items():
            assert np.array_equal(first.carried[name][column_name], values)
