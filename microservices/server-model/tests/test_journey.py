from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_model_testing.fleets import (
    STREAM,
    Handed,
    at_client,
    at_router,
    closed,
    column_ms,
    fleet,
    latencies,
    run,
    server,
    workload,
)
from server_model_testing.servers import MS, outcomes

from headroom_common.simcore.distributions import nanoseconds
from headroom_common.simcore.elementary import log
from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.random import uniform
from headroom_common.simcore.sites import LINK_DELAY, THINK

LINKS: list[dict[str, Any]] = [
    {"name": "wan", "delay": "7ms"},
    {"name": "lan", "delay": "2ms"},
    {"name": "hole", "delay": "1ms", "loss": "100%"},
]
IO = {"io": "1ms"}
EXAMPLES = 40 if COMPILED else 8


def router(policy: str, *targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "lb", "policy": policy, "targets": list(targets) or [{"server": "app"}]} | more


def behind(routed: dict[str, Any], *, via: list[str] | None = None, **spec: Any) -> Any:
    """A late-bound router in front of three replicas."""
    whole: dict[str, Any] = {"links": LINKS, "routers": [routed], "servers": [server(IO, replicas=3)]}
    whole["workloads"] = [workload(entry="lb", via=via or [])]
    return fleet(late_bound=True, **(whole | spec))


def test_answers_go_back_the_way_that_requests_came() -> None:
    scenario = fleet(links=LINKS, workloads=[workload(via=["wan", "lan"])], servers=[server(IO)])
    tables = run(scenario, [Handed(9, hops_ms=(7, 2))])
    assert latencies(tables) == [9 + 1 + 9]
    assert [column_ms(tables, name) for name in ("hop0", "hop1", "hop2")] == [[7], [2], [0]]
    assert [column_ms(tables, name) for name in ("back0", "back1")] == [[2], [7]]


def test_an_answer_that_is_lost_is_dropped_at_its_departure_but_was_served() -> None:
    scenario = fleet(links=LINKS, workloads=[workload(via=["hole", "lan"])], servers=[server(IO)])
    tables = run(scenario, [Handed(3, hops_ms=(1, 2))])
    assert outcomes(tables) == ["dropped"]
    assert latencies(tables) == [3 + 1 + 2]
    assert tables["servers"]["completed"].tolist() == [1]
    assert tables["requests"]["server"].tolist() == [0]


@pytest.mark.parametrize(("timeout", "outcome", "latency"), [("6ms", "dropped", 6), ("5ms", "timed_out", 5)])
def test_a_loss_after_the_client_has_given_up_is_a_time_out(timeout: str, outcome: str, latency: int) -> None:
    waiting = workload(via=["hole", "lan"], timeout=timeout)
    scenario = fleet(links=LINKS, workloads=[waiting], servers=[server(IO)])
    tables = run(scenario, [Handed(3, hops_ms=(1, 2))])
    assert (outcomes(tables), latencies(tables)) == ([outcome], [latency])


@pytest.mark.parametrize(
    ("return_via", "back"), [(None, [2, 7]), (["lan"], [2]), ([], [0]), (["wan", "wan"], [7, 7])]
)
def test_a_target_may_have_its_own_way_back(return_via: list[str] | None, back: list[float]) -> None:
    target: dict[str, Any] = {"server": "app", "link": "lan"}
    target |= {} if return_via is None else {"return_via": return_via}
    tables = run(behind(router("round_robin", target), via=["wan"]), [at_router(7, hops_ms=(7,))])
    assert [column_ms(tables, name)[0] for name in tables["requests"] if name.startswith("back")] == back
    assert latencies(tables) == [7 + 2 + 1 + sum(back)]
    assert column_ms(tables, "hop1") == [2]


def test_hops_of_the_way_back_draw_behind_those_of_the_way_in() -> None:
    links = [{"name": "wan", "delay": {"distribution": "exponential", "mean": "5ms"}}]
    scenario = fleet(links=links, workloads=[workload(via=["wan"])], servers=[server(IO)])
    tables = run(scenario, [Handed(0)] * 50)
    # Hop 0 is the way in, hop 1 the router's, hop 2 the way back.
    draws = [uniform(STREAM, k << 16, LINK_DELAY + 2 * 2) for k in range(50)]
    assert tables["requests"]["back0"].tolist() == [nanoseconds(-log(u) * 0.005) for u in draws]


def test_a_late_bound_router_sends_sheds_and_loses() -> None:
    limited = router("round_robin", {"server": "app", "link": "lan"}, rate_limit={"rate": "1/s", "burst": 2})
    tables = run(behind(limited), [at_router(0), at_router(0), at_router(5)])
    assert outcomes(tables) == ["ok", "ok", "shed"]
    assert tables["requests"]["server"].tolist() == [0, 1, -1]
    assert tables["requests"]["target"].tolist() == [0, 0, -1]
    assert latencies(tables) == [5, 5, 0]
    tables = run(behind(router("round_robin", {"server": "app", "link": "hole"})), [at_router(0)])
    assert outcomes(tables) == ["dropped"]
    assert tables["requests"]["server"].tolist() == [-1]
    assert tables["requests"]["target"].tolist() == [0]


@pytest.mark.parametrize(
    ("return_via", "until_ms"), [(None, 2 + 1 + 2), ([], 2 + 1), (["lan", "wan"], 2 + 1 + 9)]
)
def test_a_connection_counts_until_its_answer_is_back(return_via: list[str] | None, until_ms: int) -> None:
    target: dict[str, Any] = {"server": "app", "link": "lan"}
    target |= {} if return_via is None else {"return_via": return_via}
    long_and_short = [{"name": "/long", "steps": [{"io": "90ms"}]}, {"name": "/short", "steps": [IO]}]
    mix = [{"endpoint": each["name"]} for each in long_and_short]
    scenario = behind(
        router("least_connections", target),
        servers=[server(endpoints=long_and_short, replicas=2)],
        workloads=[workload(entry="lb", mix=mix)],
    )
    for later, expected in ((until_ms - 1e-6, 0), (until_ms, 1)):
        tables = run(scenario, [at_router(0), at_router(0, endpoint=1), at_router(later)])
        assert tables["requests"]["server"].tolist() == [0, 1, expected]


def test_connections_of_the_refused_and_the_lost_end_at_once() -> None:
    fault = {"kind": "server_down", "server": "app", "start": "0s", "end": "5ms"}
    scenario = behind(router("least_connections"), faults=[fault])
    tables = run(scenario, [at_router(t) for t in (0, 1, 2, 3)])
    assert outcomes(tables) == ["refused"] * 4
    assert tables["requests"]["server"].tolist() == [0, 1, 2, 0]
    lossy = behind(router("least_connections", {"server": "app", "link": "hole"}))
    assert outcomes(run(lossy, [at_router(0)] * 3)) == ["dropped"] * 3


def test_least_connections_keeps_the_load_level() -> None:
    scenario = behind(router("least_connections"), servers=[server({"io": "100ms"}, replicas=3)])
    tables = run(scenario, [at_router(t) for t in range(30)])
    assert sorted(tables["requests"]["server"].tolist()) == [0] * 10 + [1] * 10 + [2] * 10
    assert tables["servers"]["peak_in_system"].tolist() == [10, 10, 10]


@pytest.mark.parametrize("cut", [None, 1])
def test_closed_users_think_before_each_request(cut: int | None) -> None:
    scenario = fleet(workloads=[closed(2, "10ms")], servers=[server({"cpu": "3ms"})], horizon="40ms")
    tables = run(scenario, [at_client(10), at_client(10)], cut)
    found = tables["requests"]
    assert (found["id"] >> 16).tolist() == [0, 1, 2, 3, 4, 5]
    assert (found["t0"] // MS).tolist() == [10, 10, 23, 26, 36, 39]
    assert latencies(tables) == [3, 6, 3, 3, 3, 3]


def test_closed_requests_cross_their_links_both_ways() -> None:
    scenario = fleet(links=LINKS, workloads=[closed(1, "10ms", via=["wan", "lan"])], servers=[server(IO)])
    tables = run(scenario, [at_client(10)])
    assert (tables["requests"]["t0"] // MS).tolist()[:3] == [10, 10 + 19 + 10, 10 + 2 * 29]
    assert set(latencies(tables)) == {19}
    assert column_ms(tables, "hop0")[0] == 7
    assert column_ms(tables, "back1")[0] == 7


def test_closed_users_go_on_after_a_loss_and_after_being_turned_away() -> None:
    scenario = fleet(links=LINKS, workloads=[closed(1, "100ms", via=["wan", "hole"])], servers=[server(IO)])
    tables = run(scenario, [at_client(100)])
    assert (tables["requests"]["t0"] // MS).tolist() == [100 + 107 * k for k in range(9)]
    assert set(outcomes(tables)) == {"dropped"}
    limited = router("round_robin", rate_limit={"rate": "1/min", "burst": 1})
    scenario = fleet(routers=[limited], workloads=[closed(1, "100ms", entry="lb")], servers=[server(IO)])
    tables = run(scenario, [at_client(100)])
    assert outcomes(tables) == ["ok"] + ["shed"] * 8


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(1, 12), st.integers(1, 3), st.integers(0, 30))
def test_a_user_has_one_request_at_a_time(users: int, cores: int, service: int) -> None:
    think = {"distribution": "exponential", "mean": "40ms"}
    scenario = fleet(workloads=[closed(users, think)], servers=[server({"cpu": f"{service}ms"}, cores=cores)])
    times = [nanoseconds(-log(uniform(STREAM, user << 16, THINK)) * 0.04) for user in range(users)]
    first = sorted((t, user) for user, t in enumerate(times))
    # The ids of first requests follow their users, whatever the order of their times.
    requests = {user: t / MS for t, user in first if t < 1000 * MS}
    if len(requests) < users:
        return
    tables = run(scenario, [at_client(requests[user]) for user in range(users)])
    found = tables["requests"]
    for user in range(users):
        own = (found["id"] >> 16) % users == user
        sequence = (found["id"][own] >> 16).tolist()
        assert sequence == [user + users * n for n in range(len(sequence))]
        starts, ends = found["t0"][own].tolist(), (found["t0"] + found["latency"])[own].tolist()
        for end, start, number in zip(ends, starts[1:], sequence[1:], strict=False):
            assert start - end == nanoseconds(-log(uniform(STREAM, number << 16, THINK)) * 0.04)
        assert (
            ends[-1] + nanoseconds(-log(uniform(STREAM, (sequence[-1] + users) << 16, THINK)) * 0.04)
            >= 1000 * MS
        )


def test_requests_in_transit_are_counted_on_the_way_back() -> None:
    scenario = fleet(
        links=LINKS, workloads=[workload(via=["wan"])], servers=[server(IO)], sample_period="5ms"
    )
    samples = run(scenario, [Handed(7, hops_ms=(7,))])["link_samples"]
    # The answer is on its way from 8 to 15 ms: at 10 ms only.
    assert samples["link"].tolist() == [0, 0]
    assert samples["tick"].tolist() == [2, 3]
    assert samples["delta"].tolist() == [1, -1]
