"""What a segment measures: sums and peaks per replica, sampled levels; and what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headroom_common.simcore.links import transit_changes
from headroom_common.simcore.tables import (
    LINK_DELTAS,
    S_CELLS,
    S_POOL_SLOTS,
    S_SAMPLE_PERIOD,
    S_TICKS,
    SCALARS,
    SERVERS,
)
from headroom_server_model.domain.state import (
    COUNTERS,
    FIRST_TICK,
    NEXT_TICK,
    POOL_SAMPLES,
    POOL_TOTAL_COLUMNS,
    POOL_TOTALS,
    SAMPLE_COLUMNS,
    SAMPLES,
    TOTAL_COLUMNS,
    TOTALS,
)

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

Table = dict[str, NDArray[Any]]
Tables = dict[str, Table]

WAITING = "server.waiting"
"""State table of requests that the router handed over and that are due after the watermark."""


class SegmentResult(NamedTuple):
    """What a segment gave: tables of requests.completed, state to carry, number of events handled."""

    completed: Tables
    carried: Tables
    events: int


def put_records(world: World) -> None:
    """Give a world empty tables for what a segment measures."""
    scalars = world[SCALARS][0]
    replicas = len(world[SERVERS])
    world.put(TOTALS, np.zeros((replicas, len(TOTAL_COLUMNS)), np.int64))
    world.put(
        POOL_TOTALS, np.zeros((replicas * int(scalars[S_POOL_SLOTS]), len(POOL_TOTAL_COLUMNS)), np.int64)
    )
    world.put(LINK_DELTAS, np.zeros_like(world[LINK_DELTAS]))


def put_samples(world: World, watermark: int) -> int:
    """Make room for the sample instants before the watermark; returns the first one's number."""
    scalars = world[SCALARS][0]
    counters = world[COUNTERS][0]
    first = int(counters[NEXT_TICK])
    counters[FIRST_TICK] = first
    ticks = max(0, min(int(scalars[S_TICKS]), -(-watermark // int(scalars[S_SAMPLE_PERIOD]))) - first)
    rows = ticks * int(scalars[S_CELLS])
    world.put(SAMPLES, np.zeros((rows, len(SAMPLE_COLUMNS)), np.int64))
    world.put(POOL_SAMPLES, np.zeros((rows, int(scalars[S_POOL_SLOTS])), np.int64))
    return first


def measured(world: World, first_tick: int) -> Tables:
    """Return the tables of what the segment measured besides its requests."""
    cells = int(world[SCALARS][0, S_CELLS])
    samples, pool_samples = world[SAMPLES], world[POOL_SAMPLES]
    tick = np.repeat(np.arange(len(samples) // cells), cells) + first_tick
    cell = np.tile(np.arange(cells), len(samples) // cells)
    slots = pool_samples.shape[1]
    return {
        "servers": {name: world[TOTALS][:, i].copy() for i, name in enumerate(TOTAL_COLUMNS)},
        "pools": {name: world[POOL_TOTALS][:, i].copy() for i, name in enumerate(POOL_TOTAL_COLUMNS)},
        "samples": {
            "tick": tick,
            "cell": cell.astype(np.int32),
            **{name: samples[:, i].copy() for i, name in enumerate(SAMPLE_COLUMNS)},
        },
        "pool_samples": {
            "tick": np.repeat(tick, slots),
            "cell": np.repeat(cell, slots),
            "slot": np.tile(np.arange(slots), len(pool_samples)),
            "in_use": pool_samples.ravel(),
        },
        "link_samples": transit_changes(world),
    }
