from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_model_testing.servers import MS, compiled, ends_ms, outcomes, simulate

from headroom_common.simcore.jit import COMPILED

CPU = {"cpu": "10ms"}
IO = {"io": "10ms"}
EXAMPLES = 60 if COMPILED else 5


def ms(*times: float) -> list[int]:
    return [int(t * MS) for t in times]


@pytest.mark.parametrize(
    ("cores", "ends"),
    [(1, [10, 20, 30, 110]), (2, [10, 11, 20, 110]), (3, [10, 11, 12, 110])],
)
def test_cores_are_taken_first_come_first_served(cores: int, ends: list[float]) -> None:
    assert ends_ms(simulate(compiled(CPU, cores=cores), ms(0, 1, 2, 100))) == ends


def test_io_gives_the_core_back() -> None:
    # The first is at its I/O from 10 to 20 while the second computes; its second CPU step follows at once.
    tables = simulate(compiled(CPU, IO, {"cpu": "5ms"}), ms(0, 0))
    assert ends_ms(tables) == [25, 35]
    assert tables["requests"]["cpu_wait"].tolist() == ms(0, 10)
    assert tables["requests"]["io_wait"].tolist() == ms(10, 10)


def test_consecutive_cpu_steps_keep_the_core() -> None:
    assert ends_ms(simulate(compiled(CPU, CPU), ms(0, 1))) == [20, 40]


def test_memory_is_reserved_first_and_in_order() -> None:
    assert ends_ms(simulate(compiled(IO, working_set="40Mi"), ms(0, 1, 2))) == [10, 11, 12]
    tables = simulate(compiled(IO, working_set="40Mi", memory="100Mi"), ms(0, 1, 2))
    assert ends_ms(tables) == [10, 11, 20]
    assert tables["requests"]["memory_wait"].tolist() == ms(0, 0, 8)
    assert tables["servers"]["peak_memory_kib"].tolist() == [80 * 1024]


def test_pool_tokens_are_held_across_the_inner_steps() -> None:
    steps = {"pool": "db", "steps": [IO, {"io": "5ms"}]}
    tables = simulate(compiled(steps, pools=[{"name": "db", "size": 1}]), ms(0, 1, 2))
    assert ends_ms(tables) == [15, 30, 45]
    assert tables["requests"]["pool_wait0"].tolist() == ms(0, 14, 28)
    assert tables["pools"]["held_ns"].tolist() == ms(45)
    assert tables["pools"]["acquired"].tolist() == [3]
    assert tables["pools"]["peak_waiting"].tolist() == [2]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"queue_limit": 0}, ["ok", "shed", "shed", "ok"]),
        ({"queue_limit": 1}, ["ok", "ok", "shed", "ok"]),
        ({"concurrency_limit": 2}, ["ok", "ok", "shed", "ok"]),
        ({}, ["ok", "ok", "ok", "ok"]),
    ],
)
def test_limits_shed_on_arrival(limits: dict[str, int], expected: list[str]) -> None:
    tables = simulate(compiled(CPU, **limits), ms(0, 1, 2, 100))
    assert outcomes(tables) == expected
    assert tables["servers"]["shed"].tolist() == [expected.count("shed")]


@pytest.mark.parametrize(
    ("in_flight", "expected", "ends"),
    [("continue", ["ok", "refused", "ok"], [10, 6, 40]), ("lost", ["refused", "refused", "ok"], [5, 6, 40])],
)
def test_a_server_that_is_down(in_flight: str, expected: list[str], ends: list[float]) -> None:
    fault = {"kind": "server_down", "server": "app", "start": "5ms", "end": "30ms", "in_flight": in_flight}
    tables = simulate(compiled(CPU, faults=[fault]), ms(0, 6, 30))
    assert outcomes(tables) == expected
    assert ends_ms(tables) == ends


def test_a_slow_server_stretches_cpu_steps_that_start_within() -> None:
    fault = {"kind": "server_slowdown", "server": "app", "start": "5ms", "end": "15ms", "factor": 3}
    tables = simulate(compiled(CPU, faults=[fault]), ms(0, 6, 50))
    assert ends_ms(tables) == [10, 40, 60]


def test_a_client_that_stops_waiting_sees_a_time_out() -> None:
    tables = simulate(compiled(CPU, workload={"timeout": "15ms"}), ms(0, 0, 0))
    assert outcomes(tables) == ["ok", "timed_out", "timed_out"]
    assert ends_ms(tables) == [10, 15, 15]
    assert tables["servers"]["completed"].tolist() == [3]


def test_series_show_the_state_after_their_instant() -> None:
    samples = simulate(compiled(CPU), ms(0, 5, 10))["samples"]
    assert samples["busy"].tolist()[:4] == [1, 1, 1, 0]
    assert samples["ready"].tolist()[:4] == [0, 1, 0, 0]
    assert samples["in_system"].tolist()[:4] == [1, 2, 1, 0]
    assert samples["tick"].tolist() == list(range(101))


def test_a_burst_beyond_the_first_slots_grows_them() -> None:
    tables = simulate(compiled(CPU, cores=2), [0] * 5000)
    assert len(tables["requests"]["id"]) == 5000
    assert ends_ms(tables)[-1] == 25_000
    assert tables["servers"]["peak_ready"].tolist() == [4998]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 12), min_size=1, max_size=40),
    cut=st.integers(1, 10),
    cores=st.integers(1, 3),
    limit=st.sampled_from([None, 2, 5]),
)
def test_segments_change_nothing_and_accounts_balance(
    gaps: list[int], cut: int, cores: int, limit: int | None
) -> None:
    steps = (CPU, {"pool": "db", "steps": [{"io": {"distribution": "exponential", "mean": "8ms"}}]}, CPU)
    scenario = compiled(*steps, cores=cores, pools=[{"name": "db", "size": 2}], concurrency_limit=limit)
    times = np.cumsum(np.array(gaps) * MS).tolist()
    whole, pieces = simulate(scenario, times), simulate(scenario, times, cut=cut)
    for name in ("requests", "servers", "pools", "samples"):
        for column, values in whole[name].items():
            assert values.tolist() == pieces[name][column].tolist(), (name, column)
    requests, servers = whole["requests"], whole["servers"]
    assert servers["little_area_ns"].tolist() == servers["little_sojourn_ns"].tolist()
    causes = sum(requests[name] for name in ("memory_wait", "cpu_wait", "cpu_run", "io_wait", "pool_wait0"))
    ok = requests["outcome"] == 0
    assert (causes[ok] == requests["latency"][ok]).all()
