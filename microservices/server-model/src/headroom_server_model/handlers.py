"""What the server-model does with each event: simulate the servers for a segment of routed requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    CompletedHeader,
    RequestsCompleted,
    RequestsRouted,
    SegmentHeader,
    SegmentSimulated,
)
from headroom_common.scenario.runs import LatestCache, compiled_run
from headroom_common.simcore.random import trial_stream
from headroom_server_model.domain.by_recursion import is_feed_forward
from headroom_server_model.domain.segment import Servers, simulate_segment

if TYPE_CHECKING:
    from headroom_common.contracts.columns import Table, Tables
    from headroom_common.event_manager.subscriptions import Handlers

_KEPT_RUNS: Final = 16
_feed_forward: Final[LatestCache[bool]] = LatestCache(_KEPT_RUNS)

ROWS_PER_PART: Final = 65_536
"""A part of requests.completed has at most so many requests, which bounds the size of an event."""


def requests_routed(event: Event[RequestsRouted]) -> list[Outgoing]:
    """Simulate the servers up to the segment's watermark.

    Returns:
        `requests.completed`, in parts, and `segment.simulated` with the state of all stages.

    Raises:
        PermanentError: the scenario in the run's parameters is not valid.
    """
    header, tables = event.body.header, event.body.tables
    compiled = compiled_run(header.run)
    world = compiled.world(trial_stream(header.run.seed, header.trial))
    carried = {name: table for name, table in tables.items() if name.startswith("server.")}
    feed_forward = _feed_forward.get(header.run.run_id, lambda: is_feed_forward(world))
    servers = Servers(world, compiled.lines, feed_forward)
    segment = simulate_segment(servers, tables["routed"], tables["ended"], carried, header.watermark_ns)
    completed = segment.completed
    completed["link_samples"] = _joined(tables["link_samples"], completed["link_samples"])
    outputs = _parts(header, completed)
    if not header.final:
        others = {name: table for name, table in tables.items() if name.startswith(("generator.", "router."))}
        outputs.append(Outgoing(SegmentSimulated(header, others | segment.carried)))
    return outputs


def _joined(first: Table, second: Table) -> Table:
    """Put two tables with the same columns one below the other."""
    if len(next(iter(first.values()))) == 0:
        return second
    return {name: np.concatenate((first[name], column)) for name, column in second.items()}


def _parts(header: SegmentHeader, completed: Tables) -> list[Outgoing]:
    """Cut a segment's completions into events of bounded size; all but the requests goes with the first."""
    requests = completed["requests"]
    rows = len(requests["id"])
    parts = max(1, -(-rows // ROWS_PER_PART))
    outputs = []
    for part in range(parts):
        span = slice(part * ROWS_PER_PART, (part + 1) * ROWS_PER_PART)
        cut: dict[str, Any] = {"requests": {name: column[span] for name, column in requests.items()}}
        body = (completed | cut) if part == 0 else cut
        part_header = CompletedHeader(**dict(header), part=part, parts=parts)
        outputs.append(Outgoing(RequestsCompleted(part_header, body)))
    return outputs


HANDLERS: Final[Handlers] = {RequestsRouted: requests_routed}
"""What this service subscribes to."""
