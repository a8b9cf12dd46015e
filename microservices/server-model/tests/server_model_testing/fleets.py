"""Whole scenarios for the server-model, and the rows a router would hand over, written one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headroom_common.scenario import Scenario
from headroom_common.scenario.compile import CompiledScenario, compile_model
from headroom_common.simcore.tables import NEVER, S_HOPS_IN, SCALARS
from headroom_server_model.domain.state import AT_CLIENT, AT_ROUTER, TO_SERVER
from server_model_testing.servers import MS, Document, Tables, joined, simulate_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = dict[str, np.ndarray[Any, Any]]

STREAM = -7_046_029_254_386_353_131
OPEN = {"kind": "poisson", "rate": "1/s"}


class Handed(NamedTuple):
    """One request as the router hands it over."""

    ready_ms: float
    workload: int = 0
    endpoint: int = 0
    phase: int = TO_SERVER
    server: int = 0
    target: int = -1
    hops_ms: tuple[float, ...] = ()


def at_router(ready_ms: float, endpoint: int = 0, hops_ms: tuple[float, ...] = ()) -> Handed:
    """A request that a late-bound router has yet to send."""
    return Handed(ready_ms, endpoint=endpoint, phase=AT_ROUTER, server=-1, hops_ms=hops_ms)


def at_client(t_ms: float, workload: int = 0) -> Handed:
    """A closed-loop user's first request."""
    return Handed(t_ms, workload, phase=AT_CLIENT, server=-1)


def workload(name: str = "users", **more: Any) -> Document:
    """A workload straight to the server `app`."""
    return {"name": name, "entry": "app", "arrivals": OPEN} | more


def closed(users: int, think: Any, **more: Any) -> Document:
    """A closed workload."""
    return workload(arrivals={"kind": "closed", "users": users, "think_time": think}, **more)


def server(*steps: Document, **more: Any) -> Document:
    """A server with one core and one endpoint of the given steps."""
    return {"name": "app", "cores": 1, "endpoints": [{"name": "/", "steps": list(steps)}]} | more


def document(**spec: Any) -> Document:
    """A scenario of one server that computes for 10 ms, with parts of its spec replaced."""
    whole: Document = {"horizon": "1s", "sample_period": "10ms", "workloads": [workload()]}
    whole |= {"servers": [server({"cpu": "10ms"})]} | spec
    head = {"apiVersion": "headroom.dev/v1", "kind": "Scenario", "metadata": {"name": "fleet"}}
    return head | {"spec": whole}


def fleet(*, late_bound: bool = False, **spec: Any) -> CompiledScenario:
    """The tables of such a scenario."""
    return compile_model(Scenario.from_dict(document(**spec)), late_bound=late_bound)


def rows_of(scenario: CompiledScenario, requests: Sequence[Handed]) -> Rows:
    """The columns of requests in order, numbered per workload; they left their clients before their hops."""
    hops = int(scenario.tables[SCALARS][0, S_HOPS_IN])
    which = [request.workload for request in requests]
    sequence = [which[:row].count(which[row]) for row in range(len(which))]
    ready = np.array([int(request.ready_ms * MS) for request in requests], np.int64)
    ways = [[int(hop * MS) for hop in request.hops_ms] for request in requests]
    in_hops = np.array([way + [0] * (hops - len(way)) for way in ways], np.int64).reshape(-1, hops)
    return {
        "id": np.array([n << 16 | w for n, w in zip(sequence, which, strict=True)], np.int64),
        "workload": np.array(which, np.int16),
        "endpoint": np.array([request.endpoint for request in requests], np.int16),
        "t0": ready - in_hops.sum(axis=1),
        "ready_ns": ready,
        "phase": np.array([request.phase for request in requests], np.int8),
        "target": np.array([request.target for request in requests], np.int32),
        "server": np.array([request.server for request in requests], np.int32),
        **{f"hop{hop}": np.ascontiguousarray(in_hops[:, hop]) for hop in range(hops)},
    }


def run(scenario: CompiledScenario, requests: Sequence[Handed], cut: int | None = None) -> Tables:
    """Simulate a trial, in one segment or in segments of `cut` requests, and put its tables together."""
    rows = rows_of(scenario, requests)
    size = cut or max(1, len(requests))
    starts = range(0, max(1, len(requests)), size)
    carried: Tables = {}
    parts: list[Tables] = []
    for start in starts:
        stop = start + size
        watermark = NEVER if start == starts[-1] else int(rows["ready_ns"][stop])
        piece = {name: column[start:stop] for name, column in rows.items()}
        segment = simulate_rows(scenario, piece, carried, watermark, stream=STREAM)
        carried = segment.carried
        parts.append(segment.completed)
    return {name: joined(name, [part[name] for part in parts]) for name in parts[0]}


def latencies(tables: Tables) -> list[float]:
    """How long each request took, in ms, in order of id."""
    return (tables["requests"]["latency"] / MS).tolist()  # type: ignore[no-any-return]


def column_ms(tables: Tables, name: str) -> list[float]:
    """A column of the requests in ms, in order of id."""
    return (tables["requests"][name] / MS).tolist()  # type: ignore[no-any-return]
