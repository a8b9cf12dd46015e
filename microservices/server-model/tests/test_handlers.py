from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from server_model_testing.fleets import Handed, Rows, document, fleet, rows_of, server, workload
from server_model_testing.servers import MS

from headroom_common.contracts.event import Event, Outgoing, caused_event, root_event
from headroom_common.contracts.events import (
    RequestsCompleted,
    RequestsRouted,
    RunParameters,
    SegmentHeader,
    SegmentSimulated,
)
from headroom_common.errors import PermanentError
from headroom_common.simcore.tables import NEVER
from headroom_server_model.handlers import HANDLERS, ROWS_PER_PART, requests_routed

TIME = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = iter(range(10**32, 10**32 + 1_000_000))
SPEC: dict[str, Any] = {
    "links": [{"name": "lan", "delay": "2ms"}],
    "workloads": [workload(via=["lan"])],
    "servers": [server({"io": "10ms"}, {"cpu": "1us"}, pools=[{"name": "db", "size": 1}])],
}
SCENARIO = fleet(**SPEC)
TABLES = {"requests", "servers", "pools", "samples", "pool_samples", "link_samples"}


def parameters(scenario: dict[str, Any] | None = None) -> RunParameters:
    return RunParameters(
        run_id=UUID(int=next(NAMES)),
        scenario=document(**SPEC) if scenario is None else scenario,
        scenario_hash="of a test",
        seed=2**64 - 1,
        trials=1,
    )


def ended(count: int, first: int = 1_000_000) -> Rows:
    """Requests that were dropped on their way in, as the router tells of them."""
    zeros = np.zeros(count, np.int64)
    times = (
        "t0",
        "latency",
        "memory_wait",
        "cpu_wait",
        "cpu_run",
        "io_wait",
        "hop0",
        "hop1",
        "back0",
        "pool_wait0",
    )
    return {
        "id": np.arange(first, first + count, dtype=np.int64) << 16,
        **dict.fromkeys(times, zeros),
        **dict.fromkeys(("workload", "endpoint"), np.zeros(count, np.int16)),
        **dict.fromkeys(("server", "target"), np.full(count, -1, np.int32)),
        "outcome": np.ones(count, np.int8),
    }


def routed(
    rows: Rows, dropped: Rows | None = None, *, run: RunParameters | None = None, **more: Any
) -> Event[RequestsRouted]:
    place = {"trial": 0, "segment": 0, "watermark_ns": NEVER, "final": True} | more.pop("header", {})
    header = SegmentHeader(run=run or parameters(), **place)
    columns = ("tick", "link", "delta")
    samples = more.pop("link_samples", {name: np.zeros(0, np.int64) for name in columns})
    tables = {"routed": rows, "ended": ended(0) if dropped is None else dropped, "link_samples": samples}
    states = {"generator.streams": {"count": np.arange(2)}, "router.routers": {"c0": np.arange(3)}}
    return root_event(RequestsRouted(header, tables | states | more), source="/tests", time=TIME)


def handled(event: Event[RequestsRouted]) -> tuple[list[RequestsCompleted], list[SegmentSimulated]]:
    outputs: list[Outgoing] = list(requests_routed(event))
    bodies = [output.body for output in outputs]
    completed = [body for body in bodies if isinstance(body, RequestsCompleted)]
    simulated = [body for body in bodies if isinstance(body, SegmentSimulated)]
    assert bodies == [*completed, *simulated]
    # Every output keeps its contract, and all have ids of their own.
    events = [caused_event(event.envelope, output, source="/server-model", time=TIME) for output in outputs]
    assert len({each.envelope.id for each in events}) == len(outputs)
    return completed, simulated


def requests(*times_ms: float) -> Rows:
    return rows_of(SCENARIO, [Handed(t, hops_ms=(2,)) for t in times_ms])


def test_it_subscribes_to_routed_requests() -> None:
    assert {RequestsRouted: requests_routed} == HANDLERS


def test_the_final_segment_has_nothing_after_it() -> None:
    (body,), simulated = handled(routed(requests(5, 6)))
    assert simulated == []
    assert set(body.tables) == TABLES
    assert (body.header.part, body.header.parts, body.header.final) == (0, 1, True)
    assert (body.tables["requests"]["latency"] // MS).tolist() == [14, 14]


def test_segments_carry_the_states_of_all_stages() -> None:
    run = parameters()
    cut = {"watermark_ns": 12 * MS, "final": False}
    first, (state,) = handled(routed(requests(5, 6), run=run, header=cut))
    assert first[0].tables["requests"]["id"].tolist() == []
    assert {"generator.streams", "router.routers", "server.slots"} <= set(state.tables)
    assert all("." in name for name in state.tables)
    assert state.header.watermark_ns == 12 * MS
    later = {name: column for name, column in state.tables.items() if name.startswith("server.")}
    second, simulated = handled(routed(requests(), run=run, header={"segment": 1}, **later))
    assert simulated == []
    assert (second[0].tables["requests"]["id"] >> 16).tolist() == [0, 1]
    assert not any(name.startswith("server.") for name in second[0].tables)


def test_what_ended_at_the_router_comes_first() -> None:
    delta = {name: np.array([value], np.int64) for name, value in (("tick", 9), ("link", 0), ("delta", 4))}
    (body,), _ = handled(routed(requests(5), ended(2), link_samples=delta))
    assert body.tables["requests"]["outcome"].tolist() == [1, 1, 0]
    assert body.tables["link_samples"]["delta"].tolist()[0] == 4
    assert {name: column.dtype for name, column in body.tables["requests"].items()} == {
        name: column.dtype for name, column in ended(1).items()
    }


@pytest.mark.parametrize(
    ("rows", "parts"), [(0, 1), (1, 1), (ROWS_PER_PART - 1, 1), (ROWS_PER_PART, 2), (3 * ROWS_PER_PART, 4)]
)
def test_many_requests_are_sent_in_parts(rows: int, parts: int) -> None:
    event = routed(requests(5), ended(rows), header={"watermark_ns": 999 * MS, "final": False})
    completed, simulated = handled(event)
    assert [(body.header.part, body.header.parts) for body in completed] == [(k, parts) for k in range(parts)]
    assert len(simulated) == 1
    assert set(completed[0].tables) == TABLES
    assert all(set(body.tables) == {"requests"} for body in completed[1:])
    sizes = [len(body.tables["requests"]["id"]) for body in completed]
    assert max(sizes) <= ROWS_PER_PART
    ids = np.concatenate([body.tables["requests"]["id"] for body in completed]) >> 16
    assert ids.tolist() == [*range(1_000_000, 1_000_000 + rows), 0]


def test_handling_an_event_again_gives_the_same_outputs_and_leaves_it_alone() -> None:
    event = routed(requests(*range(2, 60)), ended(3), header={"watermark_ns": 30 * MS, "final": False})
    before = {name: column.copy() for name, column in event.body.tables["routed"].items()}
    first, again = list(requests_routed(event)), list(requests_routed(event))
    for left, right in zip(first, again, strict=True):
        assert isinstance(left.body, RequestsCompleted | SegmentSimulated)
        assert isinstance(right.body, RequestsCompleted | SegmentSimulated)
        assert left.body.header == right.body.header
        for name, table in left.body.tables.items():
            for column, values in table.items():
                assert np.array_equal(values, right.body.tables[name][column])
    for name, column in before.items():
        assert np.array_equal(event.body.tables["routed"][name], column)


def test_a_segment_without_requests() -> None:
    (body,), _ = handled(routed(requests()))
    assert len(body.tables["requests"]["id"]) == 0
    assert len(body.tables["samples"]["tick"]) == 101


def test_an_invalid_scenario_is_refused_for_good() -> None:
    with pytest.raises(PermanentError, match="scenario"):
        requests_routed(routed(requests(5), run=parameters({"kind": "Scenario"})))
