from __future__ import annotations

import hashlib
from typing import Any

import pytest
from simcore_testing import plain
from simcore_testing.worlds import MS, app, compiled, workload

from headroom_common.scenario.compiling.routing import ring_base
from headroom_common.simcore import tables as t
from headroom_common.simcore.balancing import POLICIES, RING_POINTS

SERVERS = [
    app({"cpu": "1ms"}) | {"name": name, "replicas": n}
    for name, n in (("a", 2), ("b", 3), ("c", 1), ("d", 1))
]
LINKS = [{"name": name, "delay": "1ms"} for name in ("lan", "wan", "back")]


def router(name: str = "lb", policy: str = "round_robin", **more: Any) -> dict[str, Any]:
    return {"name": name, "policy": policy, "targets": [{"server": "a"}, {"server": "b"}]} | more


def routing(*routers: dict[str, Any], late_bound: bool = False, **spec: Any) -> Any:
    workloads = [workload(name=f"to-{each['name']}", entry=each["name"], via=["wan"]) for each in routers]
    whole = {"servers": SERVERS, "links": LINKS, "workloads": workloads} | spec
    return compiled(routers=list(routers), late_bound=late_bound, **whole)


def test_targets_and_the_replicas_behind_them() -> None:
    targets = [{"server": "b", "link": "lan", "weight": 2.5}, {"server": "a"}]
    scenario = routing(router(targets=targets), router("second", targets=[{"server": "c"}, {"server": "a"}]))
    rows = scenario.tables[t.ROUTERS]
    assert rows[:, [t.R_TARGET_START, t.R_TARGET_STOP]].tolist() == [[0, 2], [2, 4]]
    assert rows[:, [t.R_BACKEND_START, t.R_BACKEND_STOP]].tolist() == [[0, 5], [5, 8]]
    assert scenario.tables[t.TARGETS].tolist() == [
        [0, 2_500_000, 0, 3],
        [-1, 1_000_000, 3, 5],
        [-1, 1_000_000, 5, 6],
        [-1, 1_000_000, 6, 8],
    ]
    backends = scenario.tables[t.BACKENDS]
    assert backends[:, t.B_REPLICA].tolist() == [2, 3, 4, 0, 1, 5, 0, 1]
    assert backends[:, t.B_TARGET].tolist() == [0, 0, 0, 1, 1, 2, 3, 3]
    assert backends[:, t.B_WEIGHT].tolist() == [2_500_000] * 3 + [1_000_000] * 5
    assert scenario.target_names == (("lb", "b"), ("lb", "a"), ("second", "c"), ("second", "a"))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("late_bound", [False, True])
def test_policies_that_need_feedback_are_late_bound(policy: str, *, late_bound: bool) -> None:
    row = routing(router(policy=policy), late_bound=late_bound).tables[t.ROUTERS][0]
    assert row[t.R_POLICY] == POLICIES.index(policy)
    assert row[t.R_LATE] == (late_bound or policy in {"least_connections", "power_of_two"})


def test_a_router_that_a_closed_workload_enters_is_late_bound() -> None:
    closed = {"kind": "closed", "users": 1, "think_time": "1s"}
    workloads = [
        workload(name="open", entry="lb"),
        workload(name="closed", entry="lb", arrivals=closed),
        workload(name="other", entry="second"),
    ]
    rows = routing(router(), router("second"), workloads=workloads).tables[t.ROUTERS]
    assert rows[:, t.R_LATE].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("rate", "burst", "interval"),
    [("100/s", 5, 10 * MS), ("3/s", 1, 333_333_333), ("1000000000/s", 2, 1), ("60/min", 10, 1000 * MS)],
)
def test_a_rate_limit_is_an_interval_and_a_slack(rate: str, burst: int, interval: int) -> None:
    row = routing(router(rate_limit={"rate": rate, "burst": burst})).tables[t.ROUTERS][0]
    assert (row[t.R_LIMIT_INTERVAL], row[t.R_LIMIT_SLACK]) == (interval, (burst - 1) * interval)


def test_without_a_rate_limit_there_is_no_interval() -> None:
    assert routing(router()).tables[t.ROUTERS][0, t.R_LIMIT_INTERVAL] == 0


def test_a_router_knows_whether_a_replica_behind_it_may_be_down() -> None:
    fault = {"kind": "server_down", "server": "c", "start": "1s", "end": "2s"}
    slow = {"kind": "server_slowdown", "server": "a", "factor": 2, "start": "1s", "end": "2s"}
    both = routing(router(), router("second", targets=[{"server": "c"}]), faults=[fault, slow])
    assert both.tables[t.ROUTERS][:, t.R_FAULTY].tolist() == [0, 1]


def test_a_ring_has_64_points_per_replica_in_order() -> None:
    scenario = routing(router(), router("ring", "consistent_hash"), router("last", "consistent_hash"))
    rows, ring = scenario.tables[t.ROUTERS], scenario.tables[t.RING]
    size = 5 * RING_POINTS
    assert rows[:, [t.R_RING_START, t.R_RING_STOP]].tolist() == [[0, 0], [0, size], [size, 2 * size]]
    expected = []
    for server, replicas, first in (("a", 2, 5), ("b", 3, 7)):
        base = int.from_bytes(hashlib.sha256(server.encode()).digest()[:8], "big", signed=True)
        assert ring_base(server) == base
        expected += [
            [plain.ring_point(base, replica * 64 + i), first + replica]
            for replica in range(replicas)
            for i in range(64)
        ]
    assert ring[:size].tolist() == sorted(expected)
    # Rings depend on the servers' names alone: equal points, other backends.
    assert ring[size:, t.H_HASH].tolist() == ring[:size, t.H_HASH].tolist()
    assert (ring[size:, t.H_BACKEND] - ring[:size, t.H_BACKEND]).tolist() == [5] * size


def test_ways_back() -> None:
    targets = [
        {"server": "a"},
        {"server": "b", "link": "lan"},
        {"server": "c", "link": "lan", "return_via": ["back"]},
        {"server": "d", "return_via": []},
    ]
    workloads = [
        workload(name="near", entry="lb"),
        workload(name="far", entry="lb", via=["wan", "back"]),
        workload(name="direct", entry="c", via=["back"]),
    ]
    scenario = routing(router(targets=targets), workloads=workloads)
    lan, wan, back = 0, 1, 2
    ways = [
        [[], [], [lan], [back], []],
        [[back, wan], [back, wan], [lan, back, wan], [back], []],
        [[back], [back], [lan, back], [back], []],
    ]
    expected = [way + [-1] * (3 - len(way)) for workload_ways in ways for way in workload_ways]
    assert scenario.tables[t.RETURN_PATH].tolist() == expected
    assert scenario.tables[t.SCALARS][0, [t.S_HOPS_IN, t.S_HOPS_BACK]].tolist() == [3, 3]
