from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from simcore_testing.worlds import MS, app, compiled, workload

from headroom_common.simcore import tables as t

SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10)), min_size=1, max_size=6)
FAST = settings(max_examples=50, deadline=None)


def down(start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"kind": "server_down", "server": "app", "start": f"{start}ms", "end": f"{end}ms"} | more


def slow(start: int, end: int, factor: float, **more: Any) -> dict[str, Any]:
    return down(start, end, kind="server_slowdown", factor=factor) | more


def broken(faults: list[dict[str, Any]], replicas: int = 2) -> dict[int, t.Ints]:
    other = app({"cpu": "1ms"}) | {"name": "other"}
    servers = [other, app({"cpu": "1ms"}, replicas=replicas)]
    routers = [{"name": "lb", "policy": "random", "targets": [{"server": "app"}, {"server": "other"}]}]
    links = [{"name": name, "delay": "1ms"} for name in ("lan", "wan")]
    workloads = [workload(entry="lb", via=["lan", "wan"])]
    return compiled(servers=servers, routers=routers, links=links, workloads=workloads, faults=faults).tables


def function_of(tables: dict[int, t.Ints], row: t.Ints, start: int, stop: int) -> list[list[int]]:
    return tables[t.STEPS][row[start] : row[stop]].tolist()


def test_without_faults_there_are_no_steps() -> None:
    tables = broken([])
    assert tables[t.STEPS].shape == (0, 3)
    assert tables[t.KILLS].shape == (0, 2)
    assert (tables[t.SERVERS][:, t.V_DOWN_START] == tables[t.SERVERS][:, t.V_DOWN_STOP]).all()


def test_overlapping_downs_are_counted() -> None:
    tables = broken([down(5, 20), down(10, 30, replica=1), down(20, 25)])
    rows = tables[t.SERVERS]
    assert function_of(tables, rows[0], t.V_DOWN_START, t.V_DOWN_STOP) == []
    first = function_of(tables, rows[1], t.V_DOWN_START, t.V_DOWN_STOP)
    assert first == [[5 * MS, 1, 0], [20 * MS, 1, 0], [25 * MS, 0, 0]]
    second = function_of(tables, rows[2], t.V_DOWN_START, t.V_DOWN_STOP)
    assert second == [[5 * MS, 1, 0], [10 * MS, 2, 0], [20 * MS, 2, 0], [25 * MS, 1, 0], [30 * MS, 0, 0]]


def test_slow_downs_add_up_as_bits() -> None:
    tables = broken([slow(0, 10, 3, replica=0), slow(5, 20, 1.5)])
    found = function_of(tables, tables[t.SERVERS][1], t.V_SLOW_START, t.V_SLOW_STOP)
    factors = [float(np.array([level]).view(np.float64)[0]) for _, level, _ in found]
    assert [time // MS for time, _, _ in found] == [0, 5, 10, 20]
    assert factors == [3.0, 3.5, 1.5, 1.0]
    found = function_of(tables, tables[t.SERVERS][2], t.V_SLOW_START, t.V_SLOW_STOP)
    assert [time // MS for time, _, _ in found] == [5, 20]


@FAST
@given(SPANS, SPANS)
def test_a_links_delays_and_losses_are_one_step_function(
    delays: list[tuple[int, int]], losses: list[tuple[int, int]]
) -> None:
    faults: list[dict[str, Any]] = [
        {"kind": "link_delay", "link": "wan", "extra": f"{k + 1}us", "start": f"{a}ms", "duration": f"{n}ms"}
        for k, (a, n) in enumerate(delays)
    ]
    faults += [
        {"kind": "link_loss", "link": "wan", "loss": (k + 1) / 1000, "start": f"{a}ms", "duration": f"{n}ms"}
        for k, (a, n) in enumerate(losses)
    ]
    tables = broken(faults)
    links = tables[t.LINKS]
    assert links[0, t.L_START] == links[0, t.L_STOP]
    steps = function_of(tables, links[1], t.L_START, t.L_STOP)
    times = sorted({edge for a, n in delays + losses for edge in (a, a + n)})
    expected = [
        [
            at * MS,
            sum(1000 * (k + 1) for k, (a, n) in enumerate(delays) if a <= at < a + n),
            sum(1_000_000 * (k + 1) for k, (a, n) in enumerate(losses) if a <= at < a + n),
        ]
        for at in times
    ]
    assert steps == expected
    assert steps[-1][1:] == [0, 0]


def test_kills_are_in_order_of_time_and_replica_once_each() -> None:
    lost = {"in_flight": "lost"}
    faults = [
        down(9, 12, **lost),
        down(3, 4, **lost, replica=1),
        down(1, 2),
        down(9, 10, **lost, replica=0),
        down(3, 30, **lost, server="other"),
    ]
    assert broken(faults)[t.KILLS].tolist() == [[3 * MS, 0], [3 * MS, 2], [9 * MS, 1], [9 * MS, 2]]
