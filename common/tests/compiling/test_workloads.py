from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from simcore_testing.worlds import MS, SECOND, app, compiled, workload

from headroom_common.scenario.compiling.arrivals import normal_below_zero, offsets, weight_millionths
from headroom_common.simcore import tables as t


def of(arrivals: dict[str, Any], **more: Any) -> t.ArrivalSpecs:
    return compiled(workloads=[workload(arrivals=arrivals, **more)]).arrivals


def test_every_field_of_a_workload_has_its_column() -> None:
    workloads = [
        workload(name="first"),
        workload(
            name="second",
            entry="lb",
            via=["wan", "lan"],
            sessions=77,
            arrivals={"kind": "closed", "users": 12, "think_time": "5s"},
        ),
    ]
    links = [{"name": name, "delay": "1ms"} for name in ("lan", "wan")]
    routers = [{"name": "lb", "policy": "random", "targets": [{"server": "app"}]}]
    scenario = compiled(workloads=workloads, links=links, routers=routers)
    rows = scenario.tables[t.WORKLOADS]
    assert rows.shape == (2, t.W_FIRST_HOP + 2)
    first, second = rows
    assert (first[t.W_KIND], second[t.W_KIND]) == (t.OPEN, t.CLOSED)
    assert (first[t.W_ENTRY_ROUTER], first[t.W_ENTRY_REPLICA]) == (-1, 0)
    assert (second[t.W_ENTRY_ROUTER], second[t.W_ENTRY_REPLICA]) == (0, -1)
    assert (first[t.W_HOP_COUNT], second[t.W_HOP_COUNT]) == (0, 2)
    assert first[t.W_FIRST_HOP :].tolist() == [-1, -1]
    assert second[t.W_FIRST_HOP :].tolist() == [1, 0]
    assert (first[t.W_USERS], second[t.W_USERS]) == (0, 12)
    law = scenario.tables[t.LAWS][second[t.W_THINK]]
    assert (law[t.D_KIND], law[t.D_CONSTANT]) == (0, 5 * SECOND)
    assert (first[t.W_SESSIONS], second[t.W_SESSIONS]) == (1000, 77)
    assert (first[t.W_TIMEOUT], second[t.W_TIMEOUT]) == (0, 0)


def test_a_timeout_has_its_column() -> None:
    rows = compiled(workloads=[workload(timeout="3s")]).tables[t.WORKLOADS]
    assert rows[0, t.W_TIMEOUT] == 3 * SECOND


def test_the_entry_is_the_servers_first_replica() -> None:
    servers = [app({"cpu": "1ms"}) | {"name": "wide", "replicas": 3}, app({"cpu": "1ms"})]
    routers = [{"name": "lb", "policy": "random", "targets": [{"server": "wide"}]}]
    both = [workload(), workload(name="others", entry="lb")]
    rows = compiled(servers=servers, routers=routers, workloads=both).tables[t.WORKLOADS]
    assert rows[:, t.W_ENTRY_REPLICA].tolist() == [3, -1]


def test_a_mix_is_cumulative_in_millionths() -> None:
    endpoints = [{"name": name, "steps": [{"cpu": "1ms"}]} for name in ("/a", "/b", "/c")]
    mix = [{"endpoint": "/c", "weight": 0.5}, {"endpoint": "/a"}, {"endpoint": "/b", "weight": 1e-7}]
    workloads = [workload(mix=[{"endpoint": "/b"}], name="one"), workload(mix=mix)]
    scenario = compiled(workloads=workloads, servers=[app(endpoints=endpoints)])
    assert scenario.endpoint_names == ("/a", "/b", "/c")
    rows = scenario.tables[t.WORKLOADS]
    assert rows[:, t.W_MIX_START].tolist() == [0, 1]
    assert rows[:, t.W_MIX_STOP].tolist() == [1, 4]
    assert scenario.tables[t.MIX].tolist() == [[1, 10**6], [2, 500_000], [0, 1_500_000], [1, 1_500_001]]


def test_without_a_mix_the_only_endpoint_is_asked_for() -> None:
    servers = [app({"cpu": "1ms"}), app({"cpu": "1ms"}) | {"name": "other"}]
    servers[1]["endpoints"] = [{"name": "/else", "steps": [{"cpu": "1ms"}]}]
    both = [workload(entry="other"), workload(name="second")]
    assert compiled(servers=servers, workloads=both).tables[t.MIX][:, t.M_ENDPOINT].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("weight", "expected"), [(1, 10**6), (0.5, 500_000), (1e-9, 1), (1.5e-6, 2), (1e9, 10**15)]
)
def test_weights_are_whole_millionths_and_at_least_one(weight: float, expected: int) -> None:
    assert weight_millionths(weight) == expected


def test_offsets_of_runs() -> None:
    start, stop = offsets([2, 0, 3])
    assert start.tolist() == [0, 2, 2]
    assert stop.tolist() == [2, 2, 5]


def test_a_constant_rate_is_one_point() -> None:
    specs = of({"kind": "poisson", "rate": "90/min"})
    assert specs.point_ns.tolist() == [0]
    assert specs.point_rate.tolist() == [1.5]
    assert specs.linear.tolist() == [0]
    assert specs.users_law.tolist() == [0]


@pytest.mark.parametrize("kind", ["poisson", "deterministic"])
@pytest.mark.parametrize(("shape", "linear"), [("step", 0), ("linear", 1)])
def test_a_profile_keeps_its_points(kind: str, shape: str, linear: int) -> None:
    points = [{"at": "0s", "rate": "10/s"}, {"at": "2s", "rate": "0/s"}, {"at": "5s", "rate": "4/s"}]
    specs = of({"kind": kind, "rate": {"shape": shape, "points": points}})
    assert specs.point_ns.tolist() == [0, 2 * SECOND, 5 * SECOND]
    assert specs.point_rate.tolist() == [10, 0, 4]
    assert specs.linear.tolist() == [linear]


def test_kinds_of_arrivals() -> None:
    kinds = [
        ({"kind": "poisson", "rate": "1/s"}, t.OPEN),
        ({"kind": "users", "users": {"mean": 3}, "rate_per_user": "1/s"}, t.OPEN),
        ({"kind": "deterministic", "rate": "1/s"}, t.DETERMINISTIC),
        ({"kind": "trace", "times": ["1s"]}, t.TRACE),
        ({"kind": "closed", "users": 1, "think_time": "1s"}, t.CLOSED),
    ]
    workloads = [workload(name=f"w{row}", arrivals=rate) for row, (rate, _) in enumerate(kinds)]
    found = compiled(workloads=workloads).tables[t.WORKLOADS][:, t.W_KIND]
    assert found.tolist() == [kind for _, kind in kinds]


def test_users_by_law() -> None:
    users = {"kind": "users", "users": {"mean": 40}, "rate_per_user": "6/min", "window": "30s"}
    specs = of(users)
    assert specs.users_law.tolist() == [t.POISSON_USERS]
    assert (specs.users_mean[0], specs.point_rate[0], specs.window_ns[0]) == (40, 0.1, 30 * SECOND)
    specs = of(users | {"users": {"mean": 40, "law": "normal", "sd": 20}})
    assert specs.users_law.tolist() == [t.NORMAL_USERS]
    assert (specs.users_mean[0], specs.users_sd[0]) == (40, 20)
    assert specs.users_below_zero[0] == normal_below_zero(40, 20) == pytest.approx(0.022750131948179)
    specs = of(users | {"users": {"mean": 40, "law": "normal", "sd": 0}})
    assert specs.users_below_zero[0] == 0.0
    assert specs.users_sd[0] > 0.0


def test_traces_lie_one_after_the_other() -> None:
    traces = [["1ms", "2ms"], ["0s"], ["5ms", "5ms", "9ms"]]
    workloads = [
        workload(name=f"w{row}", arrivals={"kind": "trace", "times": times})
        for row, times in enumerate(traces)
    ]
    specs = compiled(workloads=workloads).arrivals
    assert specs.trace_start.tolist() == [0, 2, 3]
    assert specs.trace_stop.tolist() == [2, 3, 6]
    assert (specs.trace_ns // MS).tolist() == [1, 2, 0, 5, 5, 9]
    assert all(column.dtype in (np.int64, np.float64) for column in specs)
