"""The way in: a segment's arrivals cross their ingress links, a block at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from headroom_common.simcore import blocks
from headroom_common.simcore.blocks import BLOCK, cross_block, hash_block
from headroom_common.simcore.jit import INT, index, inlined, kernel
from headroom_common.simcore.links import count_transit, tick_at_or_after
from headroom_common.simcore.tables import (
    CLOSED,
    DROPPED,
    OK,
    S_HOPS_IN,
    S_SAMPLE_PERIOD,
    SCALARS,
    W_ENTRY_ROUTER,
    W_FIRST_HOP,
    W_HOP_COUNT,
    W_KIND,
    WORKLOADS,
    Ints,
)
from headroom_common.simcore.world import int8s, int16s, int64s, row_of, table
from headroom_router.domain.rows import (
    ARRIVING,
    AT_CLIENT,
    AT_ROUTER,
    ENDED,
    HOPS,
    ID,
    OUTCOME,
    PHASE,
    READY,
    T0,
    TO_SERVER,
    WORKLOAD,
)

# A world's type is an address when compiled and a list of arrays when not.
_World = Any


@inlined
def _depart(world: _World, start: int, count: int) -> None:
    """Put a block of arrivals at the beginning of their way."""
    workload, t0 = int16s(world, ARRIVING + WORKLOAD), int64s(world, ARRIVING + T0)
    ready, phases = int64s(world, ARRIVING + READY), int8s(world, ARRIVING + PHASE)
    outcome = int8s(world, ARRIVING + OUTCOME)
    for i in range(count):
        row = index(start + i)
        about = row_of(world, WORKLOADS, workload[row])
        ready[row] = t0[row]
        outcome[row] = OK
        phase = TO_SERVER if about[W_ENTRY_ROUTER] < 0 else AT_ROUTER
        phases[row] = AT_CLIENT if about[W_KIND] == CLOSED else phase


@inlined
def _link_of(world: _World, workload: int, hop: int) -> int:
    """Return a workload's link of a hop, -1 for none."""
    about = row_of(world, WORKLOADS, workload)
    crosses = hop < about[W_HOP_COUNT] and about[W_KIND] != CLOSED
    return about[W_FIRST_HOP + hop] if crosses else -1


@inlined
def _pick_links(world: _World, start: int, count: int, hop: int, block: Ints) -> None:
    """Look up each request's link of a hop."""
    workload = int16s(world, ARRIVING + WORKLOAD)
    block[blocks.HOP, :count] = hop
    if table(world, WORKLOADS).shape[0] == 1:
        block[blocks.LINK, :count] = _link_of(world, 0, hop)
        return
    for i in range(count):
        block[blocks.LINK, i] = _link_of(world, workload[index(start + i)], hop)


@inlined
def _arrive(world: _World, start: int, count: int, hop: int, block: Ints) -> None:
    """Take a block of requests to the other end of their links, or to their loss."""
    period = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    hops = table(world, ARRIVING + HOPS)
    ready, phase = int64s(world, ARRIVING + READY), int8s(world, ARRIVING + PHASE)
    outcome = int8s(world, ARRIVING + OUTCOME)
    tick = 0
    for i in range(count):
        row = index(start + i)
        crossing = block[blocks.DURATION, i]
        hops[hop, row] = 0
        if block[blocks.LINK, i] < 0 or phase[row] == ENDED:
            continue
        if crossing < 0:
            phase[row] = ENDED
            outcome[row] = DROPPED
            continue
        t = ready[row]
        if t > tick:
            tick = tick_at_or_after(period, t)
        count_transit(world, block[blocks.LINK, i], tick, t, t + crossing)
        hops[hop, row] = crossing
        ready[row] = t + crossing


@kernel(INT, INT)
def cross_ingress(world: _World, first: int) -> None:
    """Take the arriving rows from `first` on over their ingress links, to their entry or to their loss."""
    hops = row_of(world, SCALARS, 0)[S_HOPS_IN] - 1
    ids, ready = int64s(world, ARRIVING + ID), int64s(world, ARRIVING + READY)
    block = np.empty((blocks.OWN_ROWS, blocks.WIDTH), np.int64)
    for start in range(first, ids.shape[0], BLOCK):
        count = min(BLOCK, ids.shape[0] - start)
        _depart(world, start, count)
        if hops > 0:
            block[blocks.IDS, :count] = ids[start : start + count]
            hash_block(world, block, count)
        for hop in range(hops):
            _pick_links(world, start, count, hop, block)
            block[blocks.DEPARTURE, :count] = ready[start : start + count]
            cross_block(world, block, count)
            _arrive(world, start, count, hop, block)
