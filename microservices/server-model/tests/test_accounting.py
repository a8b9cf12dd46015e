from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_model_testing.fleets import Handed, at_router, column_ms, fleet, run, server, workload
from server_model_testing.servers import MS, Tables, outcomes

from headroom_common.simcore.jit import COMPILED

EXAMPLES = 80 if COMPILED else 10
CPU = {"cpu": "10ms"}
WINDOW = {"horizon": "100ms", "warmup": "20ms", "sample_period": "5ms"}


def windowed(*steps: dict[str, Any], faults: list[dict[str, Any]] | None = None, **more: Any) -> Any:
    """A server watched from 20 to 100 ms."""
    return fleet(servers=[server(*steps, **more)], faults=faults or [], **WINDOW)


def total(tables: Tables, name: str) -> float:
    """A total of the first replica; in ms if it is a time."""
    value = int(tables["servers"][name][0])
    return value / MS if name.endswith("_ns") else value


def test_counts_are_of_events_within_the_window() -> None:
    requests = [Handed(t) for t in (5, 15, 20, 95, 99.999999)]
    tables = run(windowed(CPU, cores=9), requests)
    # Served at 15, 25, 30, 105 and 110 ms.
    assert total(tables, "arrivals") == 3
    assert total(tables, "completed") == 2


def test_integrals_are_cut_to_the_window() -> None:
    tables = run(windowed(CPU), [Handed(t) for t in (0, 12, 15, 95)])
    # The core is busy 0-10, 12-22, 22-32 and 95-105.
    assert total(tables, "busy_ns") == 2 + 10 + 5
    assert total(tables, "ready_wait_ns") == 2  # 15-22
    assert total(tables, "in_system_ns") == 2 + 12 + 5
    # Little's law is about the whole trial.
    assert total(tables, "little_area_ns") == total(tables, "little_sojourn_ns") == 10 + 10 + 17 + 10


def test_io_and_memory_within_the_window() -> None:
    endpoints = [{"name": "/", "memory": "3Mi", "steps": [{"io": "30ms"}]}]
    tables = run(windowed(endpoints=endpoints, memory="3Mi"), [Handed(10), Handed(15), Handed(80)])
    # Inside: 10-40; waits 15-40, inside 40-70; 80-110.
    assert total(tables, "io_ns") == 20 + 30 + 20
    assert total(tables, "memory_wait_ns") == 20
    servers = tables["servers"]
    held = int(servers["memory_kib_ns_high"][0]) * 2**20 + int(servers["memory_kib_ns_low"][0])
    assert held == 3 * 1024 * 70 * MS
    assert total(tables, "peak_memory_kib") == 3 * 1024


def test_memory_integrals_do_not_overflow() -> None:
    endpoints = [{"name": "/", "memory": "256Ti", "steps": [{"io": "80ms"}]}]
    tables = run(windowed(endpoints=endpoints, memory="1024Ti"), [Handed(20)] * 4)
    servers = tables["servers"]
    held = int(servers["memory_kib_ns_high"][0]) * 2**20 + int(servers["memory_kib_ns_low"][0])
    assert held == 4 * 2**38 * 80 * MS  # beyond 2^63


def test_pools_within_the_window() -> None:
    steps = [{"pool": "db", "steps": [{"io": "10ms"}]}]
    tables = run(windowed(*steps, pools=[{"name": "db", "size": 1}]), [Handed(t) for t in (12, 15, 95)])
    # The token is held 12-22, 22-32 and 95-105.
    pools = {name: column.tolist() for name, column in tables["pools"].items()}
    assert pools == {
        "wait_ns": [2 * MS],
        "held_ns": [(2 + 10 + 5) * MS],
        "acquired": [2],
        "peak_waiting": [1],
    }


def test_peaks_are_of_the_whole_trial_and_of_instants() -> None:
    tables = run(windowed({"cpu": "0ms"}, {"cpu": "1ms"}), [Handed(3)] * 7)
    assert total(tables, "peak_ready") == 6
    assert total(tables, "peak_in_system") == 7
    assert total(tables, "arrivals") == 0


def test_what_a_failure_ends_counts_up_to_it() -> None:
    fault = {"kind": "server_down", "server": "app", "start": "30ms", "end": "40ms", "in_flight": "lost"}
    tables = run(windowed({"cpu": "50ms"}, faults=[fault]), [Handed(25), Handed(26), Handed(35)])
    assert outcomes(tables) == ["refused"] * 3
    assert total(tables, "refused") == 3
    assert total(tables, "arrivals") == 3
    assert total(tables, "busy_ns") == 5
    assert total(tables, "ready_wait_ns") == 4
    assert total(tables, "in_system_ns") == 9


def test_series_of_every_level() -> None:
    steps = [{"cpu": "10ms"}, {"pool": "db", "steps": [{"io": "10ms"}]}]
    endpoints = [{"name": "/", "memory": "1Mi", "steps": steps}]
    pools = [{"name": "db", "size": 2}, {"name": "cache", "size": 3}]
    tables = run(windowed(endpoints=endpoints, memory="2Mi", pools=pools), [Handed(1), Handed(2), Handed(3)])
    samples = {name: column.tolist()[:8] for name, column in tables["samples"].items()}
    # Computing 1-11, 11-21 and (memory from 21) 21-31; in I/O 11-21, 21-31 and 31-41.
    assert samples["tick"] == list(range(8))
    assert samples["busy"] == [0, 1, 1, 1, 1, 1, 1, 0]
    assert samples["ready"] == [0, 1, 1, 0, 0, 0, 0, 0]
    assert samples["io"] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert samples["in_system"] == [0, 3, 3, 3, 3, 2, 2, 1]
    assert samples["memory_kib"] == [0, 2048, 2048, 2048, 2048, 2048, 2048, 1024]
    in_use = tables["pool_samples"]["in_use"].reshape(-1, 2)
    assert in_use[:8, 0].tolist() == [0, 0, 0, 1, 1, 1, 1, 1]
    assert not in_use[:, 1].any()
    assert tables["pool_samples"]["slot"].tolist()[:4] == [0, 1, 0, 1]
    assert len(in_use) == 21


def test_large_fleets_are_sampled_by_server() -> None:
    routers = [{"name": "lb", "policy": "round_robin", "targets": [{"server": "app"}, {"server": "b"}]}]
    servers = [server(CPU, replicas=70), server(CPU) | {"name": "b"}]
    scenario = fleet(servers=servers, routers=routers, workloads=[workload(entry="lb")], **WINDOW)
    tables = run(scenario, [Handed(1, server=row, target=0) for row in range(71)])
    samples = tables["samples"]
    assert samples["cell"].tolist()[:4] == [0, 1, 0, 1]
    assert samples["busy"].tolist()[:6] == [0, 0, 70, 1, 70, 1]


SERVICES = st.sampled_from(["0ms", "1ms", "4ms", {"distribution": "exponential", "mean": "5ms"}])
ARRIVALS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1)), min_size=1, max_size=50)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    arrivals=ARRIVALS,
    services=st.tuples(SERVICES, SERVICES, SERVICES),
    memory=st.sampled_from([None, "2Ki", "5Ki"]),
    failure=st.sampled_from([None, "lost", "continue"]),
    policy=st.sampled_from(["least_connections", "power_of_two", "round_robin"]),
    cut=st.integers(1, 20),
)
def test_segments_change_nothing_and_accounts_balance(
    arrivals: list[tuple[int, int]],
    services: tuple[Any, Any, Any],
    memory: str | None,
    failure: str | None,
    policy: str,
    cut: int,
) -> None:
    first, second, third = services
    inner = {"pool": "db", "steps": [{"io": second}, {"cpu": first}]}
    endpoints = [
        {"name": "/a", "memory": "2Ki", "steps": [{"cpu": first}, inner, {"cpu": third}]},
        {"name": "/b", "memory": "1Ki", "steps": [{"io": third}, {"cpu": second}]},
    ]
    limits = {"queue_limit": 6, "concurrency_limit": 9} | ({"memory": memory} if memory else {})
    fault = {"kind": "server_down", "server": "app", "replica": 0, "start": "30ms", "end": "45ms"}
    scenario = fleet(
        late_bound=True,
        links=[
            {"name": "lan", "delay": {"distribution": "uniform", "low": "0s", "high": "6ms"}, "loss": 0.1}
        ],
        routers=[{"name": "lb", "policy": policy, "targets": [{"server": "app", "link": "lan"}]}],
        workloads=[workload(entry="lb", mix=[{"endpoint": "/a"}, {"endpoint": "/b"}], timeout="60ms")],
        servers=[server(endpoints=endpoints, pools=[{"name": "db", "size": 1}], replicas=2, **limits)],
        faults=[fault | {"in_flight": failure}] if failure else [],
        **WINDOW,
    )
    times = np.cumsum([gap for gap, _ in arrivals]).tolist()
    requests = [at_router(t, endpoint) for t, (_, endpoint) in zip(times, arrivals, strict=True)]
    whole, pieces = run(scenario, requests), run(scenario, requests, cut)
    for name in ("requests", "servers", "pools", "samples", "pool_samples"):
        for column, values in whole[name].items():
            assert values.tolist() == pieces[name][column].tolist(), (name, column)
    check_accounts(whole)


def check_accounts(tables: Tables) -> None:
    """What must hold whatever happens."""
    found, servers = tables["requests"], tables["servers"]
    assert sorted((found["id"] >> 16).tolist()) == list(range(len(found["id"])))
    causes = [name for name in found if name.startswith(("hop", "back", "memory", "cpu", "io", "pool"))]
    ok = found["outcome"] == 0
    assert (sum(found[name] for name in causes)[ok] == found["latency"][ok]).all()
    assert (found["latency"] <= 60 * MS).all()
    assert servers["little_area_ns"].tolist() == servers["little_sojourn_ns"].tolist()
    # All is free at the end.
    last = tables["samples"]["tick"] == tables["samples"]["tick"].max()
    if (found["t0"] + found["latency"]).max() < 80 * MS and not (found["outcome"] == 4).any():
        assert not any(tables["samples"][name][last].any() for name in ("ready", "io", "busy", "in_system"))


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_utilisation_is_work_by_capacity(cores: int) -> None:
    law = {"distribution": "exponential", "mean": "2ms"}
    scenario = fleet(servers=[server({"cpu": law}, cores=cores)], horizon="1h", sample_period="1h")
    tables = run(scenario, [Handed(2 * k) for k in range(300)])
    assert total(tables, "busy_ns") == pytest.approx(sum(column_ms(tables, "cpu_run")))
    assert total(tables, "ready_wait_ns") == pytest.approx(sum(column_ms(tables, "cpu_wait")))
