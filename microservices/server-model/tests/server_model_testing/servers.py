"""Servers with a few requests whose way through them can be followed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_common.scenario import Scenario
from headroom_common.scenario.compile import CompiledScenario, compile_model
from headroom_common.simcore.tables import NEVER, OUTCOMES
from headroom_server_model.domain.by_recursion import is_feed_forward
from headroom_server_model.domain.rows import room_for_ended
from headroom_server_model.domain.segment import Servers, simulate_segment
from headroom_server_model.domain.state import TO_SERVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_server_model.domain.records import SegmentResult

Document = dict[str, Any]
Table = dict[str, np.ndarray[Any, Any]]
Tables = dict[str, Table]
MS = 1_000_000


def compiled(*steps: Document, working_set: str = "0Ki", **server: Any) -> CompiledScenario:
    """Compile one server with one endpoint of the given steps; `faults` and `workload` may be given too."""
    faults = server.pop("faults", [])
    workload = {"name": "w", "entry": "app", "arrivals": {"kind": "poisson", "rate": "1/s"}}
    workload |= server.pop("workload", {})
    links = server.pop("links", [])
    endpoint = {"name": "/", "steps": list(steps), "memory": working_set}
    document = {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "by-hand"},
        "spec": {
            "horizon": "1s",
            "sample_period": "10ms",
            "workloads": [workload],
            "links": links,
            "servers": [{"name": "app", "cores": 1, "endpoints": [endpoint]} | server],
            "faults": faults,
        },
    }
    return compile_model(Scenario.from_dict(document))


def arrivals(scenario: CompiledScenario, times_ns: Sequence[int]) -> dict[str, np.ndarray[Any, Any]]:
    """Requests that reach the server at the given instants, as the router hands them over."""
    count = len(times_ns)
    times = np.array(times_ns, np.int64)
    hops = scenario.world(1)[0][0, 4]
    return {
        "id": np.arange(count, dtype=np.int64) << 16,
        "workload": np.zeros(count, np.int16),
        "endpoint": np.zeros(count, np.int16),
        "t0": times,
        "ready_ns": times,
        "phase": np.full(count, TO_SERVER, np.int8),
        "target": np.full(count, -1, np.int32),
        "server": np.zeros(count, np.int32),
        **{f"hop{hop}": np.zeros(count, np.int64) for hop in range(hops)},
    }


def simulate_rows(
    scenario: CompiledScenario, rows: Table, carried: Tables, watermark: int, *, stream: int = 7
) -> SegmentResult:
    """Simulate a segment in which nothing ended before the servers."""
    world = scenario.world(stream)
    servers = Servers(world, scenario.lines, is_feed_forward(world))
    nothing = room_for_ended(scenario.world(stream), 0)
    return simulate_segment(servers, rows, nothing, carried, watermark)


def simulate(scenario: CompiledScenario, times_ns: Sequence[int], *, cut: int | None = None) -> Tables:
    """Simulate a trial, in one segment or in segments of `cut` requests, and put its tables together."""
    rows = arrivals(scenario, times_ns)
    size = cut or max(1, len(times_ns))
    starts = list(range(0, max(1, len(times_ns)), size))
    carried: Tables = {}
    parts: list[Tables] = []
    for start in starts:
        last = start == starts[-1]
        watermark = NEVER if last else int(rows["ready_ns"][start + size])
        piece = {name: column[start : start + size] for name, column in rows.items()}
        segment = simulate_rows(scenario, piece, carried, watermark)
        carried = segment.carried
        parts.append(segment.completed)
    return {name: joined(name, [part[name] for part in parts]) for name in parts[0]}


def joined(name: str, tables: list[dict[str, np.ndarray[Any, Any]]]) -> dict[str, np.ndarray[Any, Any]]:
    """Put the parts of a table together: sums and peaks per replica, else rows, requests by their ids."""
    if name in {"servers", "pools"}:
        return {
            column: np.maximum.reduce([table[column] for table in tables])
            if column.startswith("peak")
            else np.add.reduce([table[column] for table in tables])
            for column in tables[0]
        }
    whole = {column: np.concatenate([table[column] for table in tables]) for column in tables[0]}
    if name == "requests":
        order = np.argsort(whole["id"])
        return {column: values[order] for column, values in whole.items()}
    return whole


def ends_ms(tables: Tables) -> list[float]:
    """When each request ended, in ms, in order of id."""
    requests = tables["requests"]
    return ((requests["t0"] + requests["latency"]) / MS).tolist()


def outcomes(tables: Tables) -> list[str]:
    """How each request ended, in order of id."""
    return [OUTCOMES[outcome] for outcome in tables["requests"]["outcome"]]
