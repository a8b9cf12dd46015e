"""Drives the real handlers of generator, router and server-model in a plain loop, event by event."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_common.contracts.event import Event, Outgoing, root_event
from headroom_common.contracts.events import (
    ArrivalsGenerated,
    RequestsCompleted,
    RequestsRouted,
    RunParameters,
    RunRequested,
    SegmentSimulated,
)
from headroom_generator import handlers as generator
from headroom_router import handlers as router
from headroom_server_model import handlers as server_model

if TYPE_CHECKING:
    from headroom_common.scenario import Scenario

Tables = dict[str, dict[str, np.ndarray]]
Handlers = dict[type, Callable[[Event[Any]], Iterable[Outgoing]]]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
PEAKS = ("peak_ready", "peak_memory_kib", "peak_in_system", "peak_waiting")
PER_REPLICA = ("servers", "pools")


def _handlers() -> Handlers:
    return {
        RunRequested: generator.run_requested,
        SegmentSimulated: generator.segment_simulated,
        ArrivalsGenerated: router.arrivals_generated,
        RequestsRouted: server_model.requests_routed,
    }


def simulate(
    scenario: Scenario, *, seed: int, trials: int = 1, segment_arrivals: int = 16384, late_bound: bool = False
) -> list[Tables]:
    """Return the tables of `requests.completed` of each trial, the parts of all segments put together."""
    wish = f"{scenario.content_hash()} {seed} {trials} {segment_arrivals} {late_bound}"
    run = RunParameters(
        run_id=uuid.uuid5(uuid.NAMESPACE_OID, wish),
        scenario=scenario.canonical(),
        scenario_hash=scenario.content_hash(),
        seed=seed,
        trials=trials,
        window=trials,
        segment_arrivals=segment_arrivals,
        late_bound=late_bound,
    )
    handlers = _handlers()
    parts: list[list[RequestsCompleted]] = [[] for _ in range(trials)]
    events: deque[Event[Any]] = deque([root_event(RunRequested(run=run), source="/tests", time=EPOCH)])
    while events:
        event = events.popleft()
        if isinstance(event.body, RequestsCompleted):
            parts[event.body.header.trial].append(event.body)
        elif type(event.body) in handlers:
            # Envelopes and contracts are the event manager's business: its tests and every `run` check them.
            events += [Event(event.envelope, output.body) for output in handlers[type(event.body)](event)]
    return [_put_together(bodies) for bodies in parts]


def _put_together(bodies: list[RequestsCompleted]) -> Tables:
    final = [body.header.segment for body in bodies if body.header.final]
    assert set(final) == {max(body.header.segment for body in bodies)}, (
        "a trial ends once, with its last segment"
    )
    names = sorted({name for body in bodies for name in body.tables if "." not in name})
    return {
        name: _merged(name, [body.tables[name] for body in bodies if name in body.tables]) for name in names
    }


def _merged(name: str, tables: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    columns = {column: [table[column] for table in tables] for column in tables[0]}
    if name not in PER_REPLICA:
        return {column: np.concatenate(arrays) for column, arrays in columns.items()}
    return {
        column: np.max(arrays, axis=0) if column in PEAKS else np.sum(np.array(arrays, object), axis=0)
        for column, arrays in columns.items()
    }
