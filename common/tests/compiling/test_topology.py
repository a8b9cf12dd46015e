from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simcore_testing.worlds import MS, SECOND, app, compiled, workload

from headroom_common.scenario.compiling.programs import MOST_LINES
from headroom_common.simcore import tables as t


def routed(**spec: Any) -> Any:
    names = [server["name"] for server in spec["servers"]]
    targets = [{"server": name} for name in names]
    routers = [{"name": "lb", "policy": "round_robin", "targets": targets}]
    return compiled(routers=routers, workloads=[workload(entry="lb")], **spec)


def test_scalars() -> None:
    links = [{"name": name, "delay": "1ms"} for name in ("a", "b")]
    scenario = compiled(
        horizon="10s", warmup="2s", sample_period="300ms", links=links, workloads=[workload(via=["a", "b"])]
    )
    expected = [10 * SECOND, 2 * SECOND, 300 * MS, 34, 3, 2, 0, 0, 1]
    assert scenario.tables[t.SCALARS].tolist() == [expected]
    assert len(expected) == t.SCALAR_COLUMNS


def test_sample_instants_include_the_horizon() -> None:
    scalars = compiled(horizon="9s", sample_period="1s").tables[t.SCALARS][0]
    assert scalars[t.S_TICKS] == 10


def test_every_field_of_a_server_has_its_column() -> None:
    pools = [{"name": "db", "size": 5}, {"name": "cache", "size": 9}]
    full = app({"cpu": "1ms"}) | {"name": "full", "cores": 4, "memory": "2Mi", "replicas": 2, "pools": pools}
    full |= {"queue_limit": 3, "concurrency_limit": 7}
    scenario = routed(servers=[app({"cpu": "1ms"}), full])
    rows = scenario.tables[t.SERVERS]
    assert rows[:, t.V_GROUP].tolist() == [0, 1, 1]
    assert rows[:, t.V_CELL].tolist() == [0, 1, 2]
    assert rows[:, t.V_CORES].tolist() == [1, 4, 4]
    assert rows[:, t.V_MEMORY].tolist() == [t.UNLIMITED, 2048, 2048]
    assert rows[:, t.V_QUEUE_LIMIT].tolist() == [t.UNLIMITED, 3, 3]
    assert rows[:, t.V_CONCURRENCY_LIMIT].tolist() == [t.UNLIMITED, 7, 7]
    assert rows[:, t.V_FIRST_POOL :].tolist() == [[0, 0], [5, 9], [5, 9]]
    assert scenario.replicas == (("app", 0), ("full", 0), ("full", 1))
    assert scenario.tables[t.SCALARS][0, t.S_POOL_SLOTS] == 2


@pytest.mark.parametrize(("replicas", "cells"), [(63, 64), (64, 2)])
def test_large_fleets_are_sampled_by_server(replicas: int, cells: int) -> None:
    wide = app({"cpu": "1ms"}) | {"name": "wide", "replicas": replicas}
    scenario = routed(servers=[app({"cpu": "1ms"}), wide])
    assert scenario.tables[t.SCALARS][0, t.S_CELLS] == len(scenario.cells) == cells
    found = scenario.tables[t.SERVERS][:, t.V_CELL].tolist()
    if cells == 2:
        assert scenario.cells == (("app", None), ("wide", None))
        assert found == [0] + [1] * replicas
    else:
        assert scenario.cells == scenario.replicas
        assert found == list(range(64))


def test_a_program_is_its_steps_with_pools_flattened() -> None:
    inner = {"pool": "cache", "steps": [{"io": "3ms"}, {"cpu": "1ms"}]}
    steps = [{"cpu": "1ms"}, {"pool": "db", "steps": [inner, {"io": "2ms"}]}, {"io": "3ms"}]
    pools = [{"name": "db", "size": 1}, {"name": "cache", "size": 1}]
    scenario = compiled(servers=[app(*steps, pools=pools, memory="1Mi")])
    code = scenario.tables[t.CODE]
    one, three, two = 0, 1, 2
    assert code[:, [t.C_OPERATION, t.C_ARGUMENT]].tolist() == [
        [t.CPU, one],
        [t.ACQUIRE, 0],
        [t.ACQUIRE, 1],
        [t.IO, three],
        [t.CPU, one],
        [t.RELEASE, 1],
        [t.IO, two],
        [t.RELEASE, 0],
        [t.IO, three],
        [t.END, 0],
    ]
    assert code[:, t.C_SITE].tolist() == list(range(10))
    # The most used constant first, the shorter among equals.
    assert code[:, t.C_LINE].tolist() == [0, -1, -1, 1, 0, -1, 2, -1, 1, -1]
    assert scenario.lines == 3
    assert (scenario.tables[t.LAWS][:, t.D_CONSTANT] // MS).tolist() == [1, 3, 2]


def test_programs_belong_to_endpoints_of_servers() -> None:
    def endpoints(*names: str) -> list[dict[str, Any]]:
        return [
            {"name": name, "memory": f"{4 + row}Ki", "steps": [{"cpu": "1ms"}]}
            for row, name in enumerate(names)
        ]

    servers = [app(endpoints=endpoints("/a", "/b")), app(endpoints=endpoints("/b", "/c")) | {"name": "other"}]
    workloads = [
        workload(mix=[{"endpoint": "/a"}]),
        workload(name="w", entry="other", mix=[{"endpoint": "/c"}]),
    ]
    scenario = compiled(servers=servers, workloads=workloads)
    assert scenario.endpoint_names == ("/a", "/b", "/c")
    assert scenario.tables[t.OF_ENDPOINT].tolist() == [[0, 1, -1], [-1, 2, 3]]
    assert scenario.tables[t.PROGRAMS].tolist() == [[0, 4], [2, 5], [4, 4], [6, 5]]
    assert scenario.tables[t.CODE][:, t.C_SITE].tolist() == [0, 1] * 4


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 14), min_size=1, max_size=40))
def test_the_most_used_constants_have_the_delay_lines(durations: list[int]) -> None:
    steps: list[dict[str, Any]] = [{"cpu": f"{ms}ms"} for ms in durations]
    steps.append({"io": {"distribution": "exponential", "mean": "1ms"}})
    scenario = compiled(servers=[app(*steps)])
    ranked = sorted(set(durations), key=lambda ms: (-durations.count(ms), ms))[:MOST_LINES]
    expected = [ranked.index(ms) if ms in ranked else -1 for ms in durations]
    assert scenario.tables[t.CODE][:, t.C_LINE].tolist() == [*expected, -1, -1]
    assert scenario.lines == len(ranked) <= 8


def test_equal_laws_are_one_row() -> None:
    law = {"distribution": "exponential", "mean": "8ms"}
    servers = [app({"cpu": law}, {"io": law}, {"io": "8ms"}, {"io": dict(law)})]
    code = compiled(servers=servers).tables[t.CODE]
    assert code[:4, t.C_ARGUMENT].tolist() == [0, 0, 1, 0]


def test_links_have_their_delays_and_losses() -> None:
    links = [
        {"name": "a", "delay": "4ms", "loss": "1%"},
        {"name": "b", "delay": {"distribution": "exponential", "mean": "4ms"}, "loss": 2.5e-9},
    ]
    scenario = compiled(links=links, workloads=[workload(via=["a", "b"])])
    rows = scenario.tables[t.LINKS]
    assert rows[:, t.L_LOSS].tolist() == [10_000_000, 3]
    assert rows[:, [t.L_START, t.L_STOP]].tolist() == [[0, 0], [0, 0]]
    kinds = scenario.tables[t.LAWS][rows[:, t.L_DELAY], t.D_KIND]
    assert kinds.tolist() == [0, 1]


def test_a_scenario_without_links_and_routers_has_empty_tables() -> None:
    scenario = compiled()
    shapes = {number: scenario.tables[number].shape for number in (t.LINKS, t.ROUTERS, t.TARGETS, t.BACKENDS)}
    assert shapes == {t.LINKS: (0, 4), t.ROUTERS: (0, 11), t.TARGETS: (0, 4), t.BACKENDS: (0, 3)}
    assert scenario.tables[t.RING].shape == (0, 2)
    assert scenario.target_names == ()
    assert scenario.tables[t.RETURN_PATH].shape == (1, 0)
