"""First come, first served without an event loop: when a request starts follows from those before it.

For a server whose requests need one core first and only I/O after it, a request starts when it arrives or
when the core that is free first is free, whichever is later (Kiefer and Wolfowitz, "On the theory of queues
with many servers", 1955). So requests are taken in order of arrival, a block at a time, and whatever does not
depend on the queue, durations and links, is drawn side by side.

The outcome is that of the event loop, bit for bit. Events at the same instant happen in order of id; where
steps that take no time make that doubtful, the recursion gives up and leaves the segment to the loop.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from headroom_common.simcore import blocks
from headroom_common.simcore.blocks import BLOCK, cross_block, draw_block, hash_block
from headroom_common.simcore.jit import called, inlined, kernel
from headroom_common.simcore.links import count_transit, tick_at_or_after
from headroom_common.simcore.sites import STEP
from headroom_common.simcore.tables import (
    C_ARGUMENT,
    C_OPERATION,
    C_SITE,
    CODE,
    CPU,
    DROPPED,
    IO,
    OF_ENDPOINT,
    OK,
    P_START,
    PROGRAMS,
    RETURN_PATH,
    S_SAMPLE_PERIOD,
    SCALARS,
    SERVERS,
    TARGETS,
    TIMED_OUT,
    V_CORES,
    V_GROUP,
    W_HOP_COUNT,
    W_TIMEOUT,
    WORKLOADS,
    Ints,
)
from headroom_common.simcore.world import int8s, int16s, int32s, int64s, row_of, table
from headroom_server_model.domain import rows as r
from headroom_server_model.domain.accounting import PEAK_READY
from headroom_server_model.domain.state import CPU_WAIT, PHASE, RUNNING, SLOTS, TOTALS, WAIT_CORE
from headroom_server_model.domain.tallies import tally, tally_partly

# A world's type is an address when compiled and a list of arrays when not.
_World = Any

# Own rows of a block.
_ROW: Final = blocks.OWN_ROWS
_PROGRAM: Final = _ROW + 1
_IO: Final = _ROW + 2  # the next instruction that may be an I/O step
_AT: Final = _ROW + 3  # the row among those that end, -1 for a request that stays
_OUTCOME: Final = _ROW + 4
_ROWS: Final = _ROW + 5

# Counts that `recur` returns.
N_ROWS: Final = 0  # requests that have arrived
N_ENDED: Final = 1
N_STAYING: Final = 2
N_EVENTS: Final = 3
COUNTS: Final = 4


@inlined
def _take(world: _World, order: Ints, position: int, old: int, watermark: int, block: Ints) -> int:
    """Put the next requests that arrive before the watermark into a block; returns how many."""
    ids, ready = int64s(world, r.ROWS + r.ID), int64s(world, r.ROWS + r.READY)
    server, endpoint = int32s(world, r.ROWS + r.SERVER), int16s(world, r.ROWS + r.ENDPOINT)
    programs, code = table(world, OF_ENDPOINT), table(world, CODE)
    count = min(BLOCK, order.shape[0] - position)
    for i in range(count):
        row = order[position + i]
        if row >= old and ready[row] >= watermark:
            return i
        program = programs[row_of(world, SERVERS, server[row])[V_GROUP], endpoint[row]]
        first = row_of(world, PROGRAMS, program)[P_START]
        computes = code[first, C_OPERATION] == CPU
        block[blocks.IDS, i] = ids[row]
        block[blocks.LAW, i] = code[first, C_ARGUMENT] if computes else -1
        block[blocks.SITE, i] = STEP + code[first, C_SITE]
        block[_ROW, i] = row
        block[_PROGRAM, i] = program
        block[_IO, i] = first + 1 if computes else first
    return count


@inlined
def _take_core(world: _World, replica: int, begin: int, end: int, identity: int) -> None:
    """Occupy the core that is free first: its place becomes that in the order of (end, id)."""
    places, freed_by = row_of(world, r.FREE_AT, replica), row_of(world, r.FREED_BY_ID, replica)
    line = row_of(world, r.LINES, replica)
    cores = row_of(world, SERVERS, replica)[V_CORES]
    place = line[r.HEAD]
    line[r.HEAD] = place + 1 if place + 1 < cores else 0
    for _ in range(cores - 1):
        before = place - 1 if place > 0 else cores - 1
        if places[before] < end or (places[before] == end and freed_by[before] <= identity):
            break
        places[place] = places[before]
        freed_by[place] = freed_by[before]
        place = before
    places[place] = end
    freed_by[place] = identity if begin < end else r.NOBODY_KNOWS


@called
def _is_free(world: _World, replica: int, t: int, identity: int) -> int:
    """Tell whether a core that is freed just when a request comes is so before (1) or after it (0).

    Events at the same instant happen in order of id; -1 when a step that takes no time makes that doubtful.
    """
    places, freed_by = row_of(world, r.FREE_AT, replica), row_of(world, r.FREED_BY_ID, replica)
    free = 0
    for place in range(row_of(world, SERVERS, replica)[V_CORES]):
        if places[place] == t:
            if freed_by[place] == r.NOBODY_KNOWS:
                return -1
            if freed_by[place] < identity:
                free = 1
    return free


@inlined
def _advance_queue(world: _World, replica: int, t: int, identity: int) -> bool:
    """Let those leave the ready queue who started before a request comes; False when that is in doubt."""
    line = row_of(world, r.LINES, replica)
    start, following = int64s(world, r.ROWS + r.START), int64s(world, r.ROWS + r.FOLLOWING)
    while line[r.WAITING] > 0 and start[line[r.OLDEST]] <= t:
        if start[line[r.OLDEST]] == t:
            freed_by = int64s(world, r.ROWS + r.FREED_BY)[line[r.OLDEST]]
            if freed_by == r.NOBODY_KNOWS:
                return False
            if freed_by > identity:
                break
        line[r.WAITING] -= 1
        line[r.OLDEST] = following[line[r.OLDEST]]
    return True


@inlined
def _join_queue(world: _World, replica: int, row: int) -> None:
    """Append a request to the ready queue."""
    line = row_of(world, r.LINES, replica)
    if line[r.WAITING] == 0:
        line[r.OLDEST] = row
    else:
        int64s(world, r.ROWS + r.FOLLOWING)[line[r.NEWEST]] = row
    line[r.NEWEST] = row
    line[r.WAITING] += 1


@inlined
def _enter(world: _World, row: int, replica: int, t: int, identity: int, old: int) -> int:
    """Find when a request that comes at `t` gets a core; -1 when the order of events is in doubt."""
    line = row_of(world, r.LINES, replica)
    if not _advance_queue(world, replica, t, identity):
        return -1
    head = line[r.HEAD]
    begin = row_of(world, r.FREE_AT, replica)[head]
    waits = begin > t
    if begin == t:
        free = _is_free(world, replica, t, identity)
        if free < 0:
            return -1
        waits = free == 0
    if not waits:
        return t
    int64s(world, r.ROWS + r.FREED_BY)[row] = row_of(world, r.FREED_BY_ID, replica)[head]
    _join_queue(world, replica, row)
    if row >= old:
        totals = row_of(world, TOTALS, replica)
        totals[PEAK_READY] = max(totals[PEAK_READY], line[r.WAITING])
    return begin


@inlined
def _start(world: _World, block: Ints, count: int, old: int) -> bool:
    """Find when each request starts and ends its CPU step; False when the order of events is in doubt."""
    ready, server = int64s(world, r.ROWS + r.READY), int32s(world, r.ROWS + r.SERVER)
    start, cpu_end = int64s(world, r.ROWS + r.START), int64s(world, r.ROWS + r.CPU_END)
    slots = table(world, SLOTS)
    for i in range(count):
        row = block[_ROW, i]
        begin = ready[row]
        end = begin + block[blocks.DURATION, i]
        if row < old and slots[row, PHASE] != WAIT_CORE:  # it started in a segment before this one
            begin += slots[row, CPU_WAIT]
            end += slots[row, CPU_WAIT]
            if slots[row, PHASE] == RUNNING:
                _take_core(world, server[row], begin, end, block[blocks.IDS, i])
        elif block[blocks.LAW, i] >= 0:
            begin = _enter(world, row, server[row], begin, block[blocks.IDS, i], old)
            if begin < 0:
                return False
            end = begin + block[blocks.DURATION, i]
            _take_core(world, server[row], begin, end, block[blocks.IDS, i])
        start[row] = begin
        cpu_end[row] = end
        block[blocks.DEPARTURE, i] = end
    return True


@inlined
def _do_io(world: _World, block: Ints, count: int) -> None:
    """Add the I/O steps, one of each request at a time."""
    code = table(world, CODE)
    end = int64s(world, r.ROWS + r.END)
    more = count > 0
    while more:
        more = False
        for i in range(count):
            instruction = block[_IO, i]
            block[blocks.LAW, i] = -1
            if code[instruction, C_OPERATION] == IO:
                block[blocks.LAW, i] = code[instruction, C_ARGUMENT]
                block[blocks.SITE, i] = STEP + code[instruction, C_SITE]
                block[_IO, i] = instruction + 1
                more = True
        if more:
            draw_block(world, block, count)
            for i in range(count):
                block[blocks.DEPARTURE, i] += block[blocks.DURATION, i]
    for i in range(count):
        end[block[_ROW, i]] = block[blocks.DEPARTURE, i]


@inlined
def _divide(block: Ints, count: int, watermark: int, staying: Ints, counts: Ints) -> None:
    """Give those that end before the watermark a row among the ended; note those that stay."""
    for i in range(count):
        block[_OUTCOME, i] = OK
        if block[blocks.DEPARTURE, i] < watermark:
            block[_AT, i] = counts[N_ENDED]
            counts[N_ENDED] += 1
        else:
            block[_AT, i] = -1
            staying[counts[N_STAYING]] = block[_ROW, i]
            counts[N_STAYING] += 1


@inlined
def _cross_back(world: _World, block: Ints, count: int, hop: int) -> None:
    """Take answers over one hop of their way back."""
    workload, target = int16s(world, r.ROWS + r.WORKLOAD), int32s(world, r.ROWS + r.TARGET)
    paths, backs = table(world, RETURN_PATH), table(world, r.ENDED + r.E_BACKS)
    targets = table(world, TARGETS).shape[0]
    for i in range(count):
        row = block[_ROW, i]
        block[blocks.LINK, i] = paths[workload[row] * (targets + 1) + target[row] + 1, hop]
        block[blocks.HOP, i] = row_of(world, WORKLOADS, workload[row])[W_HOP_COUNT] + 1 + hop
    cross_block(world, block, count)
    period = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    tick = 0
    for i in range(count):
        at = block[_AT, i]
        if at < 0:
            continue
        crossing = block[blocks.DURATION, i]
        backs[hop, at] = 0
        if block[blocks.LINK, i] < 0 or block[_OUTCOME, i] == DROPPED:
            continue
        if crossing < 0:
            block[_OUTCOME, i] = DROPPED
            continue
        t = block[blocks.DEPARTURE, i]
        if t > tick:
            tick = tick_at_or_after(period, t)
        count_transit(world, block[blocks.LINK, i], tick, t, t + crossing)
        backs[hop, at] = crossing
        block[blocks.DEPARTURE, i] = t + crossing


@inlined
def _copy(world: _World, row: int, at: int) -> None:
    """Write what a request brought with it."""
    int64s(world, r.ENDED + r.E_ID)[at] = int64s(world, r.ROWS + r.ID)[row]
    int16s(world, r.ENDED + r.E_WORKLOAD)[at] = int16s(world, r.ROWS + r.WORKLOAD)[row]
    int16s(world, r.ENDED + r.E_ENDPOINT)[at] = int16s(world, r.ROWS + r.ENDPOINT)[row]
    int32s(world, r.ENDED + r.E_SERVER)[at] = int32s(world, r.ROWS + r.SERVER)[row]
    int32s(world, r.ENDED + r.E_TARGET)[at] = int32s(world, r.ROWS + r.TARGET)[row]
    int64s(world, r.ENDED + r.E_T0)[at] = int64s(world, r.ROWS + r.T0)[row]
    hops, came = table(world, r.ENDED + r.E_HOPS), table(world, r.ROWS + r.HOPS)
    for hop in range(hops.shape[0]):
        hops[hop, at] = came[hop, row]


@inlined
def _write(world: _World, row: int, at: int, answered: int, outcome: int) -> None:
    """Write the row of a request that ended. A client that stopped waiting before sees a time-out."""
    _copy(world, row, at)
    ready, start = int64s(world, r.ROWS + r.READY)[row], int64s(world, r.ROWS + r.START)[row]
    cpu_end, end = int64s(world, r.ROWS + r.CPU_END)[row], int64s(world, r.ROWS + r.END)[row]
    limit = row_of(world, WORKLOADS, int16s(world, r.ROWS + r.WORKLOAD)[row])[W_TIMEOUT]
    latency = answered - int64s(world, r.ROWS + r.T0)[row]
    late = limit > 0 and latency > limit
    int64s(world, r.ENDED + r.E_LATENCY)[at] = limit if late else latency
    int8s(world, r.ENDED + r.E_OUTCOME)[at] = TIMED_OUT if late else outcome
    int64s(world, r.ENDED + r.E_MEMORY_WAIT)[at] = 0
    int64s(world, r.ENDED + r.E_CPU_WAIT)[at] = start - ready
    int64s(world, r.ENDED + r.E_CPU_RUN)[at] = cpu_end - start
    int64s(world, r.ENDED + r.E_IO_WAIT)[at] = end - cpu_end


@inlined
def _leave(world: _World, block: Ints, count: int, old: int, watermark: int, counts: Ints) -> None:
    """Write the requests of a block that ended, and account for all of them."""
    ready = int64s(world, r.ROWS + r.READY)
    period = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    tick = 0
    for i in range(count):
        row = block[_ROW, i]
        at = block[_AT, i]
        if at >= 0:
            _write(world, row, at, block[blocks.DEPARTURE, i], block[_OUTCOME, i])
        if ready[row] > tick:
            tick = tick_at_or_after(period, ready[row])
        if row >= old and at >= 0:
            first = row_of(world, PROGRAMS, block[_PROGRAM, i])[P_START]
            tally(world, row, block[_PROGRAM, i], tick)
            counts[N_EVENTS] += 1 + block[_IO, i] - first
        else:
            counts[N_EVENTS] += tally_partly(world, row, old, block[_PROGRAM, i], watermark)


@kernel
def recur(world: _World, order: Ints, old: int, watermark: int, staying: Ints, counts: Ints) -> bool:
    """Take requests through their servers up to the watermark.

    Args:
        world: with the requests in `ROWS`: first those that were in a server before, of which `SLOTS` has the
            state, then those that arrive.
        order: their rows in the order in which cores were or will be asked for.
        old: number of the former.
        watermark: later arrivals are left alone.
        staying: receives the rows of those that are in a server at the watermark, in that order.
        counts: receives the numbers of requests and events; `N_ENDED` is where to write the next.

    Returns:
        False when two events that the event loop would order by id fall on the same instant.
    """
    block = np.empty((_ROWS, BLOCK), np.int64)
    hops_back = table(world, RETURN_PATH).shape[1]
    position = 0
    while True:
        count = _take(world, order, position, old, watermark, block)
        if count == 0:
            break
        hash_block(world, block, count)
        draw_block(world, block, count)
        if not _start(world, block, count, old):
            return False
        _do_io(world, block, count)
        _divide(block, count, watermark, staying, counts)
        for hop in range(hops_back):
            _cross_back(world, block, count, hop)
        _leave(world, block, count, old, watermark, counts)
        position += count
    counts[N_ROWS] = position
    return True
