"""Small scenarios whose outcomes were worked out on paper: the oracle and the pipeline must both reach them.

Where oracle and kernels misread the specification in the same way, comparing them shows nothing; these tests
are read by people.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from headroom_oracle.compare import rows_of
from headroom_oracle.oracle import simulate_trial
from headroom_oracle.pipeline import simulate

from headroom_common.scenario import Scenario

OK, DROPPED, REFUSED, SHED, TIMED_OUT = range(5)
MS = 1_000_000
Rows = list[dict[str, Any]]
Engine = Callable[[dict[str, Any]], Rows]


def _by_oracle(document: dict[str, Any]) -> Rows:
    rows = simulate_trial(Scenario.from_dict(document), 1, 0).requests
    return [{"id": identity} | rows[identity] for identity in sorted(rows, key=lambda i: (rows[i]["t0"], i))]


def _by_pipeline(document: dict[str, Any]) -> Rows:
    (trial,) = simulate(Scenario.from_dict(document), seed=1)
    return sorted(rows_of(trial["requests"]), key=lambda row: (row["t0"], row["id"]))


@pytest.fixture(params=[_by_oracle, _by_pipeline], ids=["oracle", "pipeline"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param  # type: ignore[no-any-return]


def trace(*times_ms: int, name: str = "w", entry: str = "app", **more: Any) -> dict[str, Any]:
    times = [f"{t}ms" for t in times_ms]
    return {"name": name, "entry": entry, "arrivals": {"kind": "trace", "times": times}} | more


def app(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "app", "cores": 1, "endpoints": [{"name": "/", "steps": list(steps)}]} | more


def scenario(workloads: list[dict[str, Any]], servers: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "by-hand"},
        "spec": {"horizon": "1s", "workloads": workloads, "servers": servers} | more,
    }


def latencies(rows: Rows) -> list[float]:
    return [row["latency"] / MS for row in rows]


def outcomes(rows: Rows) -> list[int]:
    return [row["outcome"] for row in rows]


def test_one_core_serves_in_order(engine: Engine) -> None:
    rows = engine(scenario([trace(0, 1, 2)], [app({"cpu": "5ms"})]))
    assert latencies(rows) == [5, 9, 13]
    assert [row["cpu_wait"] / MS for row in rows] == [0, 4, 8]


def test_io_gives_the_core_back_and_consecutive_cpu_steps_keep_it(engine: Engine) -> None:
    rows = engine(scenario([trace(0, 0)], [app({"cpu": "2ms"}, {"io": "10ms"}, {"cpu": "2ms"})]))
    assert latencies(rows) == [14, 16]
    rows = engine(scenario([trace(0, 0)], [app({"cpu": "2ms"}, {"cpu": "3ms"})]))
    assert latencies(rows) == [5, 10]


def test_a_pool_hands_its_token_on_and_a_waiter_holds_no_core(engine: Engine) -> None:
    inner = {"pool": "db", "steps": [{"io": "4ms"}]}
    rows = engine(scenario([trace(0, 0, 1)], [app({"cpu": "1ms"}, inner, pools=[{"name": "db", "size": 1}])]))
    assert latencies(rows) == [5, 9, 12]
    assert [row["pool_wait0"] / MS if "pool_wait0" in row else 0 for row in rows] == [0, 3, 6]


def test_a_head_that_does_not_fit_blocks_those_behind_it(engine: Engine) -> None:
    def endpoint(name: str, memory: str) -> dict[str, Any]:
        return {"name": name, "memory": memory, "steps": [{"io": "10ms"}]}

    workloads = [
        trace(0, 1, name="big", mix=[{"endpoint": "/big"}]),
        trace(2, name="small", mix=[{"endpoint": "/small"}]),
        trace(2, name="none", mix=[{"endpoint": "/none"}]),
    ]
    endpoints = [endpoint("/big", "2Ki"), endpoint("/small", "1Ki"), endpoint("/none", "0B")]
    rows = engine(scenario(workloads, [{"name": "app", "cores": 1, "memory": "3Ki", "endpoints": endpoints}]))
    assert latencies(rows) == [10, 19, 18, 10]
    assert [row["memory_wait"] / MS for row in rows] == [0, 9, 8, 0]


def test_limits_shed_on_arrival(engine: Engine) -> None:
    rows = engine(scenario([trace(0, 0, 0)], [app({"cpu": "5ms"}, queue_limit=1)]))
    assert outcomes(rows) == [OK, OK, SHED]
    rows = engine(scenario([trace(0, 0, 5)], [app({"cpu": "5ms"}, concurrency_limit=1)]))
    assert outcomes(rows) == [OK, SHED, OK]
    rows = engine(scenario([trace(0, 0, 0)], [app({"io": "5ms"}, queue_limit=0)]))
    assert outcomes(rows) == [OK, OK, OK]


def down(start: int, end: int, in_flight: str = "continue", **more: Any) -> dict[str, Any]:
    fault = {
        "kind": "server_down",
        "server": "app",
        "start": f"{start}ms",
        "end": f"{end}ms",
        "in_flight": in_flight,
    }
    return fault | more


def test_a_server_that_is_down_refuses_what_arrives_and_goes_on_with_the_rest(engine: Engine) -> None:
    rows = engine(scenario([trace(0, 4, 5, 9, 10)], [app({"cpu": "5ms"})], faults=[down(4, 10)]))
    assert outcomes(rows) == [OK, REFUSED, REFUSED, REFUSED, OK]
    assert latencies(rows) == [5, 0, 0, 0, 5]


def test_faults_come_before_requests_at_one_instant(engine: Engine) -> None:
    rows = engine(scenario([trace(0, 1, 6)], [app({"cpu": "5ms"})], faults=[down(5, 6, "lost")]))
    assert outcomes(rows) == [REFUSED, REFUSED, OK]
    assert latencies(rows) == [5, 4, 5]
    assert rows[0]["cpu_run"] == 5 * MS
    assert rows[1]["cpu_wait"] == 4 * MS


def test_slow_downs_add_up_and_count_at_the_start_of_a_step(engine: Engine) -> None:
    def slow(factor: float, start: int, end: int) -> dict[str, Any]:
        times = {"start": f"{start}ms", "end": f"{end}ms"}
        return {"kind": "server_slowdown", "server": "app", "factor": factor} | times

    faults = [slow(2, 10, 30), slow(3, 20, 21)]
    rows = engine(scenario([trace(9, 15, 20, 40)], [app({"cpu": "2ms"}, cores=8)], faults=faults))
    assert latencies(rows) == [2, 4, 8, 2]


def test_links_are_crossed_in_order_and_back_again(engine: Engine) -> None:
    links = [{"name": "wan", "delay": "7ms"}, {"name": "lan", "delay": "1ms"}]
    routers = [{"name": "lb", "policy": "round_robin", "targets": [{"server": "app", "link": "lan"}]}]
    fault = {"kind": "link_delay", "link": "wan", "extra": "20ms", "start": "8ms", "end": "17ms"}
    document = scenario(
        [trace(0, 1, entry="lb", via=["wan"])],
        [app({"io": "1ms"})],
        links=links,
        routers=routers,
        faults=[fault],
    )
    rows = engine(document)
    assert latencies(rows) == [7 + 1 + 1 + 1 + 27, 7 + 1 + 1 + 1 + 27]
    assert rows[0]["hop0"] == 7 * MS
    assert rows[0]["back1"] == 27 * MS
    routers[0]["targets"][0]["return_via"] = ["lan"]
    assert latencies(engine(document)) == [10, 10]


def test_a_lost_request_is_dropped_at_its_departure(engine: Engine) -> None:
    links = [{"name": "wan", "delay": "7ms"}, {"name": "lan", "delay": "1ms", "loss": "100%"}]
    rows = engine(scenario([trace(0, via=["wan", "lan"])], [app({"io": "1ms"})], links=links))
    assert outcomes(rows) == [DROPPED]
    assert latencies(rows) == [7]
    assert rows[0]["server"] == -1


def test_an_answer_in_time_is_one_that_is_not_late(engine: Engine) -> None:
    rows = engine(scenario([trace(0, 0, timeout="5ms")], [app({"cpu": "5ms"})]))
    assert outcomes(rows) == [OK, TIMED_OUT]
    assert latencies(rows) == [5, 5]


def balanced(policy: str, times: tuple[int, ...], *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    routers = [{"name": "lb", "policy": policy, "targets": [{"server": "app"}]} | more.pop("router", {})]
    servers = [app(*steps, replicas=3)]
    return scenario([trace(*times, entry="lb")], servers, routers=routers, **more)


def test_the_token_bucket(engine: Engine) -> None:
    limit = {"rate_limit": {"rate": "100/s", "burst": 2}}
    rows = engine(balanced("round_robin", (0, 0, 0, 9, 10, 11, 20), {"io": "1ms"}, router=limit))
    assert outcomes(rows) == [OK, OK, SHED, SHED, OK, SHED, OK]


def test_round_robin_skips_those_down_and_picks_any_when_all_are(engine: Engine) -> None:
    faults = [down(2, 4, replica=1), down(5, 6)]
    rows = engine(balanced("round_robin", (0, 1, 2, 3, 4, 5), {"io": "1ms"}, faults=faults))
    assert [row["server"] for row in rows] == [0, 1, 2, 0, 1, 2]
    rows = engine(balanced("round_robin", (0, 2, 3, 4, 5), {"io": "1ms"}, faults=faults))
    assert [row["server"] for row in rows] == [0, 2, 0, 1, 2]
    assert outcomes(rows) == [OK, OK, OK, OK, REFUSED]


def test_smooth_weighted_round_robin_spreads_the_heavy_one(engine: Engine) -> None:
    targets = [{"server": name, "weight": weight} for name, weight in (("a", 5), ("b", 1), ("c", 1))]
    servers = [app({"io": "1ms"}) | {"name": name} for name in "abc"]
    routers = [{"name": "lb", "policy": "weighted_round_robin", "targets": targets}]
    rows = engine(scenario([trace(*range(7), entry="lb")], servers, routers=routers))
    assert [row["server"] for row in rows] == [0, 0, 1, 0, 2, 0, 0]


def test_least_connections_counts_until_the_answer_is_back(engine: Engine) -> None:
    rows = engine(balanced("least_connections", (0, 0, 1, 1, 4, 4), {"io": "4ms"}))
    assert [row["server"] for row in rows] == [0, 1, 2, 0, 1, 2]


def test_closed_users_think_before_each_request(engine: Engine) -> None:
    closed = {"kind": "closed", "users": 2, "think_time": "10ms"}
    document = scenario(
        [{"name": "w", "entry": "app", "arrivals": closed}], [app({"cpu": "3ms"})], horizon="40ms"
    )
    rows = engine(document)
    assert [(row["id"] >> 16, row["t0"] / MS, row["latency"] / MS) for row in rows] == [
        (0, 10, 3),
        (1, 10, 6),
        (2, 23, 3),
        (3, 26, 3),
        (4, 36, 3),
        (5, 39, 3),
    ]


def test_a_ramp_to_silence_ends_where_its_integral_does(engine: Engine) -> None:
    points = [{"at": "0s", "rate": "210/s"}, {"at": "100ms", "rate": "0/s"}]
    rate = {"shape": "linear", "points": points}
    workload = {"name": "w", "entry": "app", "arrivals": {"kind": "deterministic", "rate": rate}}
    rows = engine(scenario([workload], [app({"io": "1ms"})]))
    expected = [100 * (1 - (1 - n / 10.5) ** 0.5) for n in range(1, 11)]
    assert [row["t0"] / MS for row in rows] == pytest.approx(expected, abs=1e-4)
