from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from router_testing.worlds import (
    CLOSED,
    MS,
    SCALE,
    SECOND,
    arrivals,
    compiled,
    many,
    routed,
    router,
    server,
    transit,
    workload,
)

from headroom_router.domain.rows import AT_CLIENT, AT_ROUTER, TO_SERVER

OK, DROPPED, REFUSED, SHED, TIMED_OUT = range(5)
LINKS = [{"name": "wan", "delay": "7ms"}, {"name": "lan", "delay": "2ms"}, {"name": "hole", "delay": "1ms"}]
LINKS[2]["loss"] = "100%"


def test_links_are_crossed_in_order_and_the_last_hop_is_the_routers() -> None:
    scenario = compiled(
        links=LINKS,
        workloads=[workload("far", via=["wan", "lan", "lan"]), workload("near", via=["lan"])],
        routers=[router(targets=[{"server": "app", "link": "lan"}])],
    )
    found = routed(scenario, arrivals([0, 5 * MS], [0, 1])).routed
    assert found["id"].tolist() == [1, 0]  # the near one reached the router first
    assert [found[f"hop{h}"].tolist() for h in range(4)] == [
        [2 * MS, 7 * MS],
        [0, 2 * MS],
        [0, 2 * MS],
        [2 * MS, 2 * MS],
    ]
    assert found["ready_ns"].tolist() == [9 * MS, 13 * MS]
    assert found["phase"].tolist() == [TO_SERVER] * 2
    assert found["server"].tolist() == [0, 1]
    assert found["target"].tolist() == [0, 0]


def test_a_direct_entry_goes_straight_to_its_server() -> None:
    scenario = compiled(
        links=LINKS,
        servers=[server("app", replicas=3), server("direct")],
        workloads=[workload(), workload("straight", entry="direct", via=["wan"])],
    )
    found = routed(scenario, arrivals([0, 1], [1, 1])).routed
    assert found["server"].tolist() == [3, 3]
    assert found["target"].tolist() == [-1, -1]
    assert found["phase"].tolist() == [TO_SERVER] * 2
    assert found["ready_ns"].tolist() == [7 * MS, 7 * MS + 1]


def test_a_lost_request_ends_at_its_departure() -> None:
    scenario = compiled(links=LINKS, workloads=[workload(via=["wan", "hole"])])
    segment = routed(scenario, arrivals([3 * MS]))
    assert len(segment.routed["id"]) == 0
    ended = {name: column.tolist() for name, column in segment.ended.items()}
    assert ended["outcome"] == [DROPPED]
    assert ended["latency"] == [7 * MS]
    assert (ended["hop0"], ended["hop1"]) == ([7 * MS], [0])
    assert (ended["server"], ended["target"]) == ([-1], [-1])


def test_a_request_lost_behind_the_router_has_its_target_but_no_server() -> None:
    targets = [{"server": "app", "link": "hole"}]
    scenario = compiled(links=LINKS, routers=[router(targets=targets)], workloads=[workload(via=["wan"])])
    ended = routed(scenario, arrivals([0, 0])).ended
    assert ended["outcome"].tolist() == [DROPPED] * 2
    assert ended["latency"].tolist() == [7 * MS] * 2
    assert ended["target"].tolist() == [0, 0]
    assert ended["server"].tolist() == [-1, -1]


def test_ended_rows_have_all_columns_of_completed_requests() -> None:
    servers = [server(pools=[{"name": "db", "size": 1}, {"name": "cache", "size": 1}])]
    scenario = compiled(links=LINKS, servers=servers, workloads=[workload(via=["wan", "hole"])])
    ended = routed(scenario, arrivals([0])).ended
    zeros = ["memory_wait", "cpu_wait", "cpu_run", "io_wait", "back0", "back1", "pool_wait0", "pool_wait1"]
    expected = {"id", "workload", "endpoint", "t0", "outcome", "target", "server", "latency"}
    assert set(ended) == expected | {"hop0", "hop1", "hop2"} | set(zeros)
    assert all(ended[name].tolist() == [0] for name in zeros)
    assert ended["outcome"].dtype == np.int8


def test_losses_are_as_frequent_as_told() -> None:
    links = [{"name": "wan", "delay": "7ms", "loss": "5%"}]
    count = 40_000 // SCALE
    segment = routed(compiled(links=links, workloads=[workload(via=["wan"])]), many(count))
    share = len(segment.ended["id"]) / count
    assert abs(share - 0.05) < 5 * math.sqrt(0.05 * 0.95 / count)
    assert len(segment.ended["id"]) + len(segment.routed["id"]) == count


def test_tokens_that_are_used_up_shed_at_once() -> None:
    scenario = compiled(routers=[router(rate_limit={"rate": "100/s", "burst": 2})])
    times = [0, 0, 0, 9 * MS, 10 * MS, 11 * MS, 20 * MS]
    segment = routed(scenario, arrivals(times))
    assert (segment.routed["id"] >> 16).tolist() == [0, 1, 4, 6]
    assert (segment.ended["id"] >> 16).tolist() == [2, 3, 5]
    assert set(segment.ended["outcome"].tolist()) == {SHED}
    assert set(segment.ended["latency"].tolist()) == {0}


def test_what_is_shed_does_not_move_the_pointer() -> None:
    scenario = compiled(routers=[router(rate_limit={"rate": "1/s", "burst": 2})])
    found = routed(scenario, arrivals([0, 0, 0, SECOND, 2 * SECOND])).routed
    assert found["server"].tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(("timeout", "outcome", "latency"), [("6ms", TIMED_OUT, 6), ("7ms", SHED, 7)])
def test_who_waited_too_long_sees_a_time_out(timeout: str, outcome: int, latency: int) -> None:
    limited = router(rate_limit={"rate": "1/s", "burst": 1})
    scenario = compiled(links=LINKS, routers=[limited], workloads=[workload(via=["wan"], timeout=timeout)])
    ended = routed(scenario, arrivals([0, 0])).ended
    assert ended["outcome"].tolist() == [outcome]
    assert ended["latency"].tolist() == [latency * MS]


@pytest.mark.parametrize("late_bound", [True, False])
@pytest.mark.parametrize("policy", ["least_connections", "power_of_two", "random"])
def test_late_bound_requests_wait_at_their_router(policy: str, *, late_bound: bool) -> None:
    late = late_bound or policy != "random"
    limited = router(policy, rate_limit={"rate": "1/s", "burst": 1})
    scenario = compiled(
        links=LINKS, routers=[limited], workloads=[workload(via=["wan"])], late_bound=late_bound
    )
    segment = routed(scenario, arrivals([0, 1 * MS, 2 * MS]), watermark=3 * MS)
    if late:
        assert segment.routed["phase"].tolist() == [AT_ROUTER] * 3
        assert segment.routed["ready_ns"].tolist() == [7 * MS, 8 * MS, 9 * MS]
        assert segment.routed["server"].tolist() == [-1] * 3
        assert len(segment.carried["router.pending"]["id"]) == 0
        assert not segment.carried["router.routers"]["c1"].any()
    else:
        assert len(segment.routed["id"]) == 0
        assert len(segment.carried["router.pending"]["id"]) == 3


def test_closed_requests_stay_at_their_client() -> None:
    scenario = compiled(links=LINKS, workloads=[workload(arrivals=CLOSED, via=["hole"])])
    found = routed(scenario, arrivals([5, 6])).routed
    assert found["phase"].tolist() == [AT_CLIENT] * 2
    assert found["ready_ns"].tolist() == [5, 6]
    assert not found["hop0"].any()


def test_requests_in_transit_are_counted_per_link() -> None:
    scenario = compiled(
        links=LINKS,
        sample_period="5ms",
        workloads=[workload(via=["wan"])],
        routers=[router(targets=[{"server": "app", "link": "lan"}])],
    )
    segment = routed(scenario, arrivals([0, 4 * MS, 8 * MS]))
    # On wan [0, 7), [4, 11) and [8, 15) ms; on lan [7, 9), [11, 13) and [15, 17) ms.
    wan = {(0, 0): 1, (0, 3): -2, (0, 1): 1}
    assert transit(segment.link_samples) == wan | {(1, 3): 1, (1, 4): -1}


def test_faults_at_the_time_of_departure_count() -> None:
    fault: dict[str, Any] = {"kind": "link_delay", "link": "lan", "extra": "50ms"}
    fault |= {"start": "7ms", "end": "8ms"}
    scenario = compiled(links=LINKS, faults=[fault], workloads=[workload(via=["wan", "lan"])])
    found = routed(scenario, arrivals([0, MS - 1, MS])).routed
    by_arrival = np.argsort(found["id"])
    assert found["hop1"][by_arrival].tolist() == [52 * MS, 52 * MS, 2 * MS]
