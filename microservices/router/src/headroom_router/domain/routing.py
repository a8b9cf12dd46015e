"""Rate limits, the choice of a server, and the link to it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from headroom_common.simcore import blocks
from headroom_common.simcore.balancing import admits, choose_backend
from headroom_common.simcore.blocks import BLOCK, cross_block, hash_block
from headroom_common.simcore.jit import INT, INTS, called, index, inlined, kernel
from headroom_common.simcore.links import count_transit, tick_at_or_after
from headroom_common.simcore.tables import (
    B_REPLICA,
    B_TARGET,
    BACKENDS,
    DROPPED,
    G_LINK,
    R_LATE,
    R_LIMIT_INTERVAL,
    ROUTERS,
    S_SAMPLE_PERIOD,
    SCALARS,
    SHED,
    TARGETS,
    W_ENTRY_REPLICA,
    W_ENTRY_ROUTER,
    W_HOP_COUNT,
    WORKLOADS,
    Ints,
)
from headroom_common.simcore.world import int8s, int16s, int32s, int64s, row_of, table
from headroom_router.domain.rows import (
    ARRIVING,
    AT_ROUTER,
    ENDED,
    ENDPOINT,
    HOPS,
    ID,
    LEAVING,
    LOST,
    OUTCOME,
    PHASE,
    READY,
    SERVER,
    T0,
    TARGET,
    TO_SERVER,
    WORKLOAD,
)

# A world's type is an address when compiled and a list of arrays when not.
_World = Any

# Own rows of a block of requests whose server is chosen.
_ROW: Final = blocks.OWN_ROWS
_TARGET: Final = _ROW + 1
_REPLICA: Final = _ROW + 2
_ROWS: Final = _ROW + 3

# Numbers of rows written so far.
N_ROUTED: Final = 0
N_LOST: Final = 1
N_PENDING: Final = 2


@inlined
def _copy(world: _World, row: int, to: int, at: int) -> None:
    """Write what a request brought with it."""
    int64s(world, to + ID)[at] = int64s(world, ARRIVING + ID)[row]
    int16s(world, to + WORKLOAD)[at] = int16s(world, ARRIVING + WORKLOAD)[row]
    int16s(world, to + ENDPOINT)[at] = int16s(world, ARRIVING + ENDPOINT)[row]
    int64s(world, to + T0)[at] = int64s(world, ARRIVING + T0)[row]
    hops, came = table(world, to + HOPS), table(world, ARRIVING + HOPS)
    for hop in range(hops.shape[0] - 1):
        hops[hop, at] = came[hop, row]


@inlined
def _pass_on(
    world: _World, row: int, at: int, phase: int, t: int, target: int, replica: int, crossing: int
) -> None:
    """Write a request that goes on."""
    _copy(world, row, LEAVING, at)
    int64s(world, LEAVING + READY)[at] = t
    int8s(world, LEAVING + PHASE)[at] = phase
    int32s(world, LEAVING + TARGET)[at] = target
    int32s(world, LEAVING + SERVER)[at] = replica
    hops = table(world, LEAVING + HOPS)
    hops[hops.shape[0] - 1, at] = crossing


@called
def _end(world: _World, row: int, at: int, outcome: int, target: int) -> None:
    """Write a request that ended."""
    _copy(world, row, LOST, at)
    int64s(world, LOST + READY)[at] = int64s(world, ARRIVING + READY)[row]
    int8s(world, LOST + OUTCOME)[at] = outcome
    int32s(world, LOST + TARGET)[at] = target
    int32s(world, LOST + SERVER)[at] = -1
    hops = table(world, LOST + HOPS)
    hops[hops.shape[0] - 1, at] = 0


@inlined
def _choose(world: _World, row: int, t: int, block: Ints, place: int) -> None:
    """Choose a request's server, and note it in a block."""
    identity = int64s(world, ARRIVING + ID)[index(row)]
    about = row_of(world, WORKLOADS, int16s(world, ARRIVING + WORKLOAD)[index(row)])
    backend = row_of(world, BACKENDS, choose_backend(world, about[W_ENTRY_ROUTER], t, identity))
    block[_ROW, index(place)] = row
    block[_TARGET, index(place)] = backend[B_TARGET]
    block[_REPLICA, index(place)] = backend[B_REPLICA]
    block[blocks.LINK, index(place)] = row_of(world, TARGETS, backend[B_TARGET])[G_LINK]
    block[blocks.HOP, index(place)] = about[W_HOP_COUNT]
    block[blocks.DEPARTURE, index(place)] = t
    block[blocks.IDS, index(place)] = identity


@inlined
def _arrive(world: _World, block: Ints, count: int, written: Ints) -> int:
    """Take a block of requests to their servers; returns how many are left, the lost ones taken out."""
    period = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    tick = 0
    kept = 0
    for place in range(count):
        crossing = block[blocks.DURATION, place]
        t = block[blocks.DEPARTURE, place]
        if crossing < 0:
            _end(world, block[_ROW, place], written[N_LOST], DROPPED, block[_TARGET, place])
            written[N_LOST] += 1
            continue
        if block[blocks.LINK, place] >= 0:
            if t > tick:
                tick = tick_at_or_after(period, t)
            count_transit(world, block[blocks.LINK, place], tick, t, t + crossing)
        block[blocks.IDS, index(kept)] = block[blocks.IDS, place]
        block[_ROW, index(kept)] = block[_ROW, place]
        block[_TARGET, index(kept)] = block[_TARGET, place]
        block[_REPLICA, index(kept)] = block[_REPLICA, place]
        block[blocks.DURATION, index(kept)] = crossing
        block[blocks.DEPARTURE, index(kept)] = t + crossing
        kept += 1
    return kept


@inlined
def _deliver(world: _World, block: Ints, count: int, written: Ints) -> None:
    """Take a block of requests to their servers, or to their loss, and write them, column by column."""
    hash_block(world, block, count)
    cross_block(world, block, count)
    kept = _arrive(world, block, count, written)
    at = written[N_ROUTED]
    written[N_ROUTED] = at + kept
    ids, ready = int64s(world, LEAVING + ID), int64s(world, LEAVING + READY)
    target, server = int32s(world, LEAVING + TARGET), int32s(world, LEAVING + SERVER)
    phase = int8s(world, LEAVING + PHASE)
    for i in range(kept):
        ids[index(at + i)] = block[blocks.IDS, i]
        ready[index(at + i)] = block[blocks.DEPARTURE, i]
        target[index(at + i)] = block[_TARGET, i]
        server[index(at + i)] = block[_REPLICA, i]
        phase[index(at + i)] = TO_SERVER
    t0, new_t0 = int64s(world, ARRIVING + T0), int64s(world, LEAVING + T0)
    workload, new_workload = int16s(world, ARRIVING + WORKLOAD), int16s(world, LEAVING + WORKLOAD)
    endpoint, new_endpoint = int16s(world, ARRIVING + ENDPOINT), int16s(world, LEAVING + ENDPOINT)
    for i in range(kept):
        row = index(block[_ROW, i])
        new_t0[index(at + i)] = t0[row]
        new_workload[index(at + i)] = workload[row]
        new_endpoint[index(at + i)] = endpoint[row]
    hops, new_hops = table(world, ARRIVING + HOPS), table(world, LEAVING + HOPS)
    last = hops.shape[0] - 1
    for hop in range(last):
        for i in range(kept):
            new_hops[hop, index(at + i)] = hops[hop, index(block[_ROW, i])]
    for i in range(kept):
        new_hops[last, index(at + i)] = block[blocks.DURATION, i]


@inlined
def _leave(world: _World, row: int, written: Ints) -> None:
    """Write a request that needs no decision here: lost on its way in, or another service's to route."""
    phase = int8s(world, ARRIVING + PHASE)[row]
    if phase == ENDED:
        _end(world, row, written[N_LOST], int8s(world, ARRIVING + OUTCOME)[row], -1)
        written[N_LOST] += 1
        return
    about = row_of(world, WORKLOADS, int16s(world, ARRIVING + WORKLOAD)[row])
    replica = about[W_ENTRY_REPLICA] if phase == TO_SERVER else -1
    at = written[N_ROUTED]
    written[N_ROUTED] = at + 1
    _pass_on(world, row, at, phase, int64s(world, ARRIVING + READY)[row], -1, replica, 0)


@kernel(INT, INTS, INT, INTS, INTS)
def route(world: _World, order: Ints, watermark: int, pending: Ints, written: Ints) -> None:
    """Decide for the requests that reach their router before `watermark`, and write all rows out.

    Those that go on are written to `LEAVING`, those that were lost or shed to `LOST`. Requests of late-bound
    routers stay `AT_ROUTER`: the server-model decides for them.

    Args:
        world: with the requests after their ingress links in `ARRIVING`.
        order: their rows; those at routers in order of (time, id).
        watermark: later decisions have to wait.
        pending: receives the rows that have to wait.
        written: receives how many rows there are of each: `N_ROUTED`, `N_LOST`, `N_PENDING`.
    """
    block = np.empty((_ROWS, blocks.WIDTH), np.int64)
    workload, phase = int16s(world, ARRIVING + WORKLOAD), int8s(world, ARRIVING + PHASE)
    ready = int64s(world, ARRIVING + READY)
    chosen = 0
    for row in order:
        t = ready[index(row)]
        router = row_of(world, WORKLOADS, workload[index(row)])[W_ENTRY_ROUTER]
        if phase[index(row)] != AT_ROUTER or row_of(world, ROUTERS, router)[R_LATE] == 1:
            _leave(world, row, written)
        elif t >= watermark:
            pending[written[N_PENDING]] = row
            written[N_PENDING] += 1
        elif row_of(world, ROUTERS, router)[R_LIMIT_INTERVAL] != 0 and not admits(world, router, t):
            _end(world, row, written[N_LOST], SHED, -1)
            written[N_LOST] += 1
        else:
            _choose(world, row, t, block, chosen)
            chosen += 1
            if chosen == BLOCK:
                _deliver(world, block, chosen, written)
                chosen = 0
    _deliver(world, block, chosen, written)
