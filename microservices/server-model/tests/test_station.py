from __future__ import annotations

from typing import Any

import pytest
from server_model_testing.fleets import Handed, column_ms, fleet, latencies, run, server, workload
from server_model_testing.servers import outcomes

Endpoints = list[tuple[str, list[dict[str, Any]]]]


def serving(endpoints: Endpoints, **more: Any) -> Any:
    """A server of several endpoints, given by their memory and steps."""
    named = [
        {"name": f"/{row}", "memory": memory, "steps": steps} for row, (memory, steps) in enumerate(endpoints)
    ]
    faults = more.pop("faults", [])
    mix = [{"endpoint": each["name"]} for each in named]
    return fleet(workloads=[workload(mix=mix)], servers=[server(endpoints=named) | more], faults=faults)


def pool(name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"pool": name, "steps": list(steps)}


def pools(**sizes: int) -> list[dict[str, Any]]:
    return [{"name": name, "size": size} for name, size in sizes.items()]


IO = [{"io": "10ms"}]
CPU = [{"cpu": "10ms"}]


def test_a_head_that_does_not_fit_blocks_those_behind_it() -> None:
    scenario = serving([("2Ki", IO), ("1Ki", IO), ("0B", IO)], memory="3Ki")
    tables = run(scenario, [Handed(0), Handed(1), Handed(2, endpoint=1), Handed(2, endpoint=2)])
    assert latencies(tables) == [10, 19, 18, 10]
    assert column_ms(tables, "memory_wait") == [0, 9, 8, 0]
    assert tables["servers"]["memory_wait_ns"].tolist() == [17_000_000]


def test_one_release_may_let_several_in() -> None:
    scenario = serving([("4Ki", IO), ("1Ki", IO)], memory="4Ki")
    tables = run(scenario, [Handed(0), *(Handed(t, endpoint=1) for t in range(1, 6))])
    assert latencies(tables) == [10, 19, 18, 17, 16, 25]
    assert tables["servers"]["peak_memory_kib"].tolist() == [4]


def test_memory_is_kept_while_waiting_for_a_core() -> None:
    tables = run(serving([("1Ki", CPU)], memory="2Ki"), [Handed(0), Handed(0), Handed(0)])
    assert latencies(tables) == [10, 20, 30]
    assert column_ms(tables, "cpu_wait") == [0, 10, 10]
    assert column_ms(tables, "memory_wait") == [0, 0, 10]


def test_the_queue_limit_counts_those_who_wait_for_memory_and_for_a_core() -> None:
    scenario = serving([("1Ki", CPU)], memory="2Ki", queue_limit=2)
    # One computes, one waits for the core, one for memory: the fourth finds two waiting.
    assert outcomes(run(scenario, [Handed(0)] * 5)) == ["ok", "ok", "ok", "shed", "shed"]


def test_a_full_queue_lets_in_who_can_start_at_once() -> None:
    scenario = serving([("0B", CPU), ("0B", IO)], queue_limit=0)
    requests = [Handed(0), Handed(1), Handed(2, endpoint=1), Handed(3, endpoint=1)]
    assert outcomes(run(scenario, requests)) == ["ok", "shed", "ok", "ok"]


def test_a_limit_of_requests_inside_counts_all_of_them() -> None:
    scenario = serving([("0B", IO)], concurrency_limit=2)
    tables = run(scenario, [Handed(0), Handed(0), Handed(9), Handed(10), Handed(10)])
    assert outcomes(tables) == ["ok", "ok", "shed", "ok", "ok"]
    assert tables["servers"]["peak_in_system"].tolist() == [2]


def test_a_core_is_given_back_while_waiting_for_a_pool() -> None:
    steps = [{"cpu": "2ms"}, pool("db", {"io": "10ms"}), {"cpu": "1ms"}]
    tables = run(serving([("0B", steps)], pools=pools(db=1)), [Handed(0), Handed(0), Handed(0)])
    # Cores: 0-2, 2-4, 4-6; the token: 2-12, 12-22, 22-32; then 1 ms each.
    assert latencies(tables) == [13, 23, 33]
    assert column_ms(tables, "cpu_wait") == [0, 2, 4]
    assert column_ms(tables, "pool_wait0") == [0, 8, 16]


def test_a_token_is_kept_by_who_computes_with_it() -> None:
    steps = [pool("db", {"cpu": "4ms"})]
    tables = run(serving([("0B", steps)], cores=2, pools=pools(db=1)), [Handed(0), Handed(0)])
    assert latencies(tables) == [4, 8]
    assert column_ms(tables, "cpu_wait") == [0, 0]


def test_pools_nest() -> None:
    steps = [pool("db", {"io": "1ms"}, pool("cache", {"io": "4ms"}), {"io": "2ms"})]
    tables = run(serving([("0B", steps)], pools=pools(db=2, cache=1)), [Handed(0), Handed(0), Handed(0)])
    # First: cache 1-5, db to 7. Second: cache 5-9, db to 11. Third: db from 7, cache 9-13.
    assert latencies(tables) == [7, 11, 15]
    assert column_ms(tables, "pool_wait0") == [0, 0, 7]
    assert column_ms(tables, "pool_wait1") == [0, 4, 1]
    assert tables["pools"]["acquired"].tolist() == [3, 3]
    assert tables["pools"]["held_ns"].tolist() == [26_000_000, 12_000_000]


def test_who_gives_a_token_back_goes_on_before_who_gets_it() -> None:
    # At 4 ms the first gives its token back and takes the core again before the second, whose token is
    # granted at the same instant, asks for it.
    steps = [pool("db", {"io": "4ms"}), {"cpu": "3ms"}]
    other = [pool("db", {"cpu": "5ms"})]
    scenario = serving([("0B", steps), ("0B", other)], pools=pools(db=1))
    tables = run(scenario, [Handed(0), Handed(1, endpoint=1)])
    assert latencies(tables) == [7, 11]
    assert column_ms(tables, "cpu_wait") == [0, 3]


def test_steps_that_take_no_time() -> None:
    steps = [{"cpu": "0ms"}, {"io": "0ms"}, pool("db", {"cpu": "0ms"}), {"cpu": "0ms"}]
    tables = run(serving([("1Ki", steps)], memory="1Ki", pools=pools(db=1)), [Handed(5)] * 20)
    assert latencies(tables) == [0] * 20
    assert tables["servers"]["completed"].tolist() == [20]


def test_simultaneous_requests_are_served_in_order_of_id() -> None:
    tables = run(serving([("0B", CPU)]), [Handed(3)] * 6)
    assert latencies(tables) == [10, 20, 30, 40, 50, 60]


def down(start: int, end: int, in_flight: str = "lost", **more: Any) -> dict[str, Any]:
    fault = {"kind": "server_down", "server": "app", "start": f"{start}ms", "end": f"{end}ms"}
    return fault | {"in_flight": in_flight} | more


def test_a_failure_ends_whoever_is_inside_wherever_it_waits() -> None:
    steps = [{"cpu": "4ms"}, pool("db", {"io": "50ms"})]
    scenario = serving(
        [("1Ki", steps)], memory="4Ki", pools=pools(db=1), faults=[down(10, 20)], concurrency_limit=9
    )
    tables = run(scenario, [Handed(t) for t in range(6)] + [Handed(20), Handed(30)])
    # At 10 ms: I/O with the token, waits for it, computes, waits for the core, and two wait for memory.
    assert outcomes(tables) == ["refused"] * 6 + ["ok", "ok"]
    assert latencies(tables)[:6] == [10, 9, 8, 7, 6, 5]
    assert column_ms(tables, "io_wait")[:6] == [6, 0, 0, 0, 0, 0]
    assert column_ms(tables, "pool_wait0")[:6] == [0, 2, 0, 0, 0, 0]
    assert column_ms(tables, "cpu_run")[:6] == [4, 4, 2, 0, 0, 0]
    assert column_ms(tables, "cpu_wait")[:6] == [0, 3, 6, 7, 0, 0]
    assert column_ms(tables, "memory_wait")[:6] == [0, 0, 0, 0, 6, 5]
    # All that was held is free again.
    assert latencies(tables)[6:] == [54, 94]
    servers = tables["servers"]
    assert (servers["refused"].tolist(), servers["completed"].tolist()) == ([6], [2])
    assert servers["little_area_ns"].tolist() == servers["little_sojourn_ns"].tolist()


def test_void_events_of_the_lost_do_no_harm() -> None:
    scenario = serving([("0B", CPU)], faults=[down(5, 6)])
    tables = run(scenario, [Handed(0), Handed(6), Handed(9)])
    assert outcomes(tables) == ["refused", "ok", "ok"]
    assert latencies(tables) == [
        5,
        10,
        17,
    ]  # at 10 ms, when the first would have ended, nobody's core is freed


@pytest.mark.parametrize("cut", [None, 1, 2])
def test_a_failure_hits_its_replica_alone(cut: int | None) -> None:
    routers = [{"name": "lb", "policy": "round_robin", "targets": [{"server": "app"}]}]
    scenario = fleet(
        workloads=[workload(entry="lb")],
        routers=routers,
        servers=[server({"io": "10ms"}, replicas=3)],
        faults=[down(5, 6, replica=1)],
    )
    requests = [Handed(0, server=row, target=0) for row in range(3)] + [Handed(6, server=1, target=0)]
    assert outcomes(run(scenario, requests, cut)) == ["ok", "refused", "ok", "ok"]


def test_what_arrives_at_the_start_is_refused_and_at_the_end_served() -> None:
    scenario = serving([("0B", CPU)], faults=[down(5, 10, "continue"), down(8, 20, "continue")])
    tables = run(scenario, [Handed(t) for t in (0, 5, 9, 10, 19.999999, 20)])
    assert outcomes(tables) == ["ok", "refused", "refused", "refused", "refused", "ok"]
    assert latencies(tables) == [10, 0, 0, 0, 0, 10]


def test_slow_downs_multiply_cpu_steps_and_leave_io_alone() -> None:
    def slow(factor: float, start: int, end: int) -> dict[str, Any]:
        fault = {"kind": "server_slowdown", "server": "app", "factor": factor}
        return fault | {"start": f"{start}ms", "end": f"{end}ms"}

    scenario = serving(
        [("0B", [{"cpu": "2ms"}]), ("0B", [{"io": "2ms"}])],
        cores=8,
        faults=[slow(2, 10, 30), slow(3, 20, 21)],
    )
    requests = [Handed(t) for t in (9, 15, 20, 30)] + [Handed(20, endpoint=1)]
    assert latencies(run(scenario, requests)) == [2, 4, 8, 2, 2]
