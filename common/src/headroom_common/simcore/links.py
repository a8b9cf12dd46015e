"""Crossing links: loss and delay of a path, with the faults that are active at each departure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_common.simcore.distributions import sample_ns
from headroom_common.simcore.jit import called, inlined
from headroom_common.simcore.random import uniform
from headroom_common.simcore.sites import LINK_DELAY, LINK_LOSS
from headroom_common.simcore.tables import (
    L_DELAY,
    L_LOSS,
    L_START,
    L_STOP,
    LINK_DELTAS,
    LINKS,
    PARTS_PER_BILLION,
    S_SAMPLE_PERIOD,
    S_STREAM,
    SCALARS,
    STEPS,
    T_LEVEL,
    T_LOSS,
    Ints,
)
from headroom_common.simcore.world import row_of, table

if TYPE_CHECKING:
    from headroom_common.simcore.world import World


@called
def step_index(steps: Ints, start: int, stop: int, t: int) -> int:
    """Return the last row in [start, stop), sorted by the first column, where that is ≤ `t`, or start - 1."""
    low = start
    high = stop
    while low < high:
        middle = (low + high) >> 1
        if steps[middle, 0] <= t:
            low = middle + 1
        else:
            high = middle
    return low - 1


@called
def crossing_ns(world: Any, link: int, hop: int, t: int, identity: int) -> int:  # noqa: ANN401 - a world
    """Return how long a request that departs at `t` takes to cross `link`, or -1 when it is lost."""
    properties = row_of(world, LINKS, link)
    loss = properties[L_LOSS]
    extra = 0
    start = properties[L_START]
    stop = properties[L_STOP]
    if stop > start:
        steps = table(world, STEPS)
        row = step_index(steps, start, stop, t)
        if row >= start:
            extra = steps[row, T_LEVEL]
            loss = loss + steps[row, T_LOSS]
    if loss > 0:
        stream = row_of(world, SCALARS, 0)[S_STREAM]
        if uniform(stream, identity, LINK_LOSS + 2 * hop) * float(PARTS_PER_BILLION) < float(loss):
            return -1
    return sample_ns(world, properties[L_DELAY], identity, LINK_DELAY + 2 * hop) + extra


@inlined
def tick_at_or_after(period_ns: int, t: int) -> int:
    """Return the first sample instant at or after `t`."""
    return (t + period_ns - 1) // period_ns * period_ns


@inlined
def count_transit(world: Any, link: int, tick: int, departure: int, arrival: int) -> None:  # noqa: ANN401 - a world
    """Add one request in transit on `link` at the sample instants in [departure, arrival).

    The running sum along a row of `LINK_DELTAS` is the number in transit at each instant.

    Args:
        world: the world.
        link: row of `LINK_DELTAS`.
        tick: some sample instant; near the departure it saves two divisions.
        departure: start of the transit.
        arrival: end of the transit.
    """
    period_ns = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    if tick - period_ns >= departure or arrival > tick:
        _count_samples(world, link, departure, arrival)


@called
def _count_samples(world: Any, link: int, departure: int, arrival: int) -> None:  # noqa: ANN401 - a world
    """Do what `count_transit` does, without a sample instant near by."""
    period_ns = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    deltas = table(world, LINK_DELTAS)
    last = deltas.shape[1] - 1
    first_tick = (departure + period_ns - 1) // period_ns
    if first_tick * period_ns >= arrival:
        return
    deltas[link, min(first_tick, last)] += 1
    deltas[link, min((arrival + period_ns - 1) // period_ns, last)] -= 1


def transit_changes(world: World) -> dict[str, Ints]:
    """Return the non-zero entries of `LINK_DELTAS` as columns: the `link_samples` table of an event."""
    deltas = world[LINK_DELTAS]
    changed = np.flatnonzero(deltas)  # in two dimensions numpy takes five times as long
    link, tick = np.divmod(changed, deltas.shape[1])
    return {"tick": tick, "link": link, "delta": deltas.reshape(-1)[changed]}
