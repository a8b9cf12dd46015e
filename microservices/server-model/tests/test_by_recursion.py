"""The recursion gives what the event loop gives, table by table, where it does not leave a segment to it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_model_testing.fleets import STREAM, Handed, fleet, rows_of, server, workload
from server_model_testing.servers import MS, Table, Tables, joined

from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.tables import NEVER
from headroom_server_model.domain.by_loop import simulate_by_loop
from headroom_server_model.domain.by_recursion import is_feed_forward, simulate_by_recursion
from headroom_server_model.domain.rows import room_for_ended

EXAMPLES = settings(max_examples=150 if COMPILED else 12, deadline=None)
DURATIONS = ["0ms", "1ms", "3ms", {"distribution": "exponential", "mean": "2ms"}]
LOSSY = {"name": "lan", "delay": {"distribution": "exponential", "mean": "1ms"}, "loss": 0.1}
PLAIN = {"cpu": "1ms"}
BALANCER = {"name": "lb", "policy": "round_robin", "targets": [{"server": "app"}]}

programs = st.builds(
    lambda cpu, io: [{"cpu": step} for step in cpu] + [{"io": step} for step in io],
    st.lists(st.sampled_from(DURATIONS), max_size=1),
    st.lists(st.sampled_from(DURATIONS), max_size=2),
).filter(bool)


def joined_parts(parts: list[Tables]) -> Tables:
    return {name: joined(name, [part[name] for part in parts]) for name in parts[0]}


class Both:
    """A fleet whose segments are simulated by one way or the other."""

    def __init__(self, steps: list[Any], *, link: bool = False, **more: Any) -> None:
        endpoints = [{"name": "/", "memory": "2Ki", "steps": steps}]
        links = {"via": ["lan"]} if link else {}
        spec: dict[str, Any] = {"routers": [BALANCER], "workloads": [workload(entry="lb", **links)]}
        spec |= {"links": [LOSSY]} if link else {}
        self.scenario = fleet(servers=[server(endpoints=endpoints, **more)], warmup="10ms", **spec)
        self.left_to_the_loop = 0

    def segment(
        self, rows: Table, carried: Tables, watermark: int, *, recursion: bool
    ) -> tuple[Tables, Tables]:
        world = self.scenario.world(STREAM)
        nothing = room_for_ended(self.scenario.world(STREAM), 0)
        result = simulate_by_recursion(world, rows, nothing, carried, watermark) if recursion else None
        if result is None:
            self.left_to_the_loop += recursion
            world = self.scenario.world(STREAM)
            result = simulate_by_loop(world, self.scenario.lines, rows, nothing, carried, watermark)
        return result.completed, result.carried

    def trial(self, requests: list[Handed], cuts: list[int], ways: list[bool]) -> Tables:
        rows = rows_of(self.scenario, requests)
        carried: Tables = {}
        parts = []
        bounds = [0, *sorted({cut for cut in cuts if cut < len(requests)}), len(requests)]
        for number, (start, stop) in enumerate(pairwise(bounds)):
            watermark = int(rows["ready_ns"][stop]) if stop < len(requests) else NEVER
            piece = {name: column[start:stop] for name, column in rows.items()}
            recursion = ways[number % len(ways)]
            completed, carried = self.segment(piece, carried, watermark, recursion=recursion)
            parts.append(completed)
        return joined_parts(parts)


def assert_same(left: Tables, right: Tables) -> None:
    assert left.keys() == right.keys()
    for name, table in left.items():
        assert table.keys() == right[name].keys()
        if name == "link_samples":
            assert _net(table) == _net(right[name])
            continue
        for column, values in table.items():
            assert values.dtype == right[name][column].dtype
            assert values.tolist() == right[name][column].tolist(), f"{name}.{column}"


def _net(table: Table) -> dict[tuple[int, int], int]:
    """Changes of the numbers in transit by link and tick; those that cancel out left out."""
    net: dict[tuple[int, int], int] = {}
    for link, tick, delta in zip(*(table[name].tolist() for name in ("link", "tick", "delta")), strict=True):
        net[link, tick] = net.get((link, tick), 0) + delta
    return {place: delta for place, delta in net.items() if delta}


@EXAMPLES
@given(
    programs,
    st.integers(1, 3),
    st.integers(1, 2),
    st.booleans(),
    st.sampled_from([None, "4Ki"]),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 1)), min_size=1, max_size=40),
    st.lists(st.integers(1, 39), max_size=4),
    st.lists(st.booleans(), min_size=1, max_size=3),
)
def test_both_ways_and_any_mixture_give_the_same(
    steps: list[Any],
    cores: int,
    replicas: int,
    link: bool,  # noqa: FBT001 - drawn
    memory: str | None,
    arrivals: list[tuple[int, int]],
    cuts: list[int],
    ways: list[bool],
) -> None:
    more = {"memory": memory} if memory else {}
    both = Both(steps, link=link, cores=cores, replicas=replicas, **more)
    assert is_feed_forward(both.scenario.world(STREAM))
    requests = [Handed(float(t), server=to % replicas, target=0) for t, to in sorted(arrivals)]
    by_loop = both.trial(requests, cuts, [False])
    assert_same(both.trial(requests, cuts, ways), by_loop)
    assert_same(both.trial(requests, cuts, [True]), by_loop)


@pytest.mark.parametrize("cores", [1, 2, 7])
def test_steady_traffic_is_the_recursions_business(cores: int) -> None:
    both = Both([{"cpu": DURATIONS[3]}, {"io": "3ms"}], cores=cores)
    requests = [Handed(0.7 * n) for n in range(130)]
    assert_same(both.trial(requests, [20, 50], [True]), both.trial(requests, [20, 50], [False]))
    assert both.left_to_the_loop == 0


def test_events_at_the_same_instant_happen_in_order_of_id() -> None:
    both = Both([PLAIN], cores=1)
    requests = [Handed(float(n)) for n in range(20)]  # each comes just when the one before it ends
    tables = both.trial(requests, [], [True])
    assert both.left_to_the_loop == 0
    assert tables["servers"]["peak_ready"].tolist() == [0]
    assert_same(tables, both.trial(requests, [], [False]))


def test_memory_that_binds_is_the_loops_business() -> None:
    both = Both([{"io": "50ms"}], memory="4Ki")
    tables = both.trial([Handed(float(n)) for n in range(3)], [], [True])
    assert both.left_to_the_loop == 1
    assert (tables["requests"]["memory_wait"] // MS).tolist() == [0, 0, 48]


@pytest.mark.parametrize(
    "spec",
    [
        {"steps": [PLAIN, {"io": "1ms"}, PLAIN]},
        {"steps": [{"io": "1ms"}, PLAIN]},
        {"steps": [{"pool": "db", "steps": [PLAIN]}], "pools": [{"name": "db", "size": 1}]},
        {"steps": [PLAIN], "queue_limit": 5},
        {"steps": [PLAIN], "concurrency_limit": 5},
    ],
)
def test_what_is_not_feed_forward(spec: dict[str, Any]) -> None:
    both = Both(**spec)
    assert not is_feed_forward(both.scenario.world(STREAM))


@pytest.mark.parametrize("kind", ["server_down", "server_slowdown"])
def test_servers_with_faults_are_not_feed_forward(kind: str) -> None:
    fault: dict[str, Any] = {"kind": kind, "server": "app", "start": "1ms", "end": "2ms"}
    if kind == "server_slowdown":
        fault["factor"] = 2.0
    scenario = fleet(servers=[server(PLAIN)], faults=[fault])
    assert not is_feed_forward(scenario.world(STREAM))


def test_late_bound_routers_are_not_feed_forward() -> None:
    spec: dict[str, Any] = {"routers": [BALANCER], "workloads": [workload(entry="lb")]}
    assert is_feed_forward(fleet(servers=[server(PLAIN)], **spec).world(STREAM))
    assert not is_feed_forward(fleet(servers=[server(PLAIN)], late_bound=True, **spec).world(STREAM))
