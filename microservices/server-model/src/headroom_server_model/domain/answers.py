"""The way back of a block of served requests, and their rows among those that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headroom_common.simcore import blocks
from headroom_common.simcore.blocks import cross_block
from headroom_common.simcore.jit import index, inlined
from headroom_common.simcore.links import count_transit, tick_at_or_after
from headroom_common.simcore.tables import (
    DROPPED,
    RETURN_PATH,
    S_SAMPLE_PERIOD,
    SCALARS,
    TIMED_OUT,
    W_HOP_COUNT,
    W_TIMEOUT,
    WORKLOADS,
)
from headroom_common.simcore.world import int8s, int16s, int32s, int64s, row_of, table
from headroom_server_model.domain import rows as r

if TYPE_CHECKING:
    from headroom_common.simcore.tables import Ints

# A world's type is an address when compiled and a list of arrays when not.
_World = Any


@inlined
def cross_back(world: _World, block: Ints, count: int, hop: int, at: int) -> None:
    """Take answers over one hop of their way back; `at` is the first one's row among the ended."""
    workload = int16s(world, r.ROWS + r.WORKLOAD)
    workloads, paths = table(world, WORKLOADS), table(world, RETURN_PATH)
    for i in range(count):
        block[blocks.LINK, i] = paths[index(block[r.B_PATH, i]), hop]
        block[blocks.HOP, i] = workloads[index(workload[index(block[r.B_ROW, i])]), W_HOP_COUNT] + 1 + hop
    cross_block(world, block, count)
    backs = table(world, r.ENDED + r.E_BACKS)
    period = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    tick = 0
    for i in range(count):
        crossing = block[blocks.DURATION, i]
        backs[hop, index(at + i)] = 0
        if block[blocks.LINK, i] < 0 or block[r.B_OUTCOME, i] == DROPPED:
            continue
        if crossing < 0:
            block[r.B_OUTCOME, i] = DROPPED
            continue
        t = block[blocks.DEPARTURE, i]
        if t > tick:
            tick = tick_at_or_after(period, t)
        count_transit(world, block[blocks.LINK, i], tick, t, t + crossing)
        backs[hop, index(at + i)] = crossing
        block[blocks.DEPARTURE, i] = t + crossing


@inlined
def write_brought(world: _World, block: Ints, count: int, at: int) -> None:
    """Write what requests brought with them, from row `at` of the ended on, column by column."""
    ended_ids, ended_t0 = int64s(world, r.ENDED + r.E_ID), int64s(world, r.ENDED + r.E_T0)
    t0 = int64s(world, r.ROWS + r.T0)
    for i in range(count):
        ended_ids[index(at + i)] = block[blocks.IDS, i]
        ended_t0[index(at + i)] = t0[index(block[r.B_ROW, i])]
    for number, column in ((r.SERVER, r.E_SERVER), (r.TARGET, r.E_TARGET)):
        halves, ended_halves = int32s(world, r.ROWS + number), int32s(world, r.ENDED + column)
        for i in range(count):
            ended_halves[index(at + i)] = halves[index(block[r.B_ROW, i])]
    for number, column in ((r.WORKLOAD, r.E_WORKLOAD), (r.ENDPOINT, r.E_ENDPOINT)):
        shorts, ended_shorts = int16s(world, r.ROWS + number), int16s(world, r.ENDED + column)
        for i in range(count):
            ended_shorts[index(at + i)] = shorts[index(block[r.B_ROW, i])]
    hops, came = table(world, r.ENDED + r.E_HOPS), table(world, r.ROWS + r.HOPS)
    for hop in range(hops.shape[0]):
        for i in range(count):
            hops[hop, index(at + i)] = came[hop, index(block[r.B_ROW, i])]


@inlined
def write_done(world: _World, block: Ints, count: int, at: int) -> None:
    """Write how requests fared. A client that stopped waiting before its answer came sees a time-out."""
    memory_wait, cpu_wait = int64s(world, r.ENDED + r.E_MEMORY_WAIT), int64s(world, r.ENDED + r.E_CPU_WAIT)
    cpu_run, io_wait = int64s(world, r.ENDED + r.E_CPU_RUN), int64s(world, r.ENDED + r.E_IO_WAIT)
    for i in range(count):
        memory_wait[index(at + i)] = 0
        cpu_wait[index(at + i)] = block[r.B_START, i] - block[r.B_READY, i]
        cpu_run[index(at + i)] = block[r.B_CPU_END, i] - block[r.B_START, i]
        io_wait[index(at + i)] = block[r.B_END, i] - block[r.B_CPU_END, i]
    t0, workload = int64s(world, r.ROWS + r.T0), int16s(world, r.ROWS + r.WORKLOAD)
    latency, outcome = int64s(world, r.ENDED + r.E_LATENCY), int8s(world, r.ENDED + r.E_OUTCOME)
    workloads = table(world, WORKLOADS)
    for i in range(count):
        row = index(block[r.B_ROW, i])
        limit = workloads[index(workload[row]), W_TIMEOUT]
        took = block[blocks.DEPARTURE, i] - t0[row]
        late = limit > 0 and took > limit
        latency[index(at + i)] = limit if late else took
        outcome[index(at + i)] = TIMED_OUT if late else block[r.B_OUTCOME, i]
