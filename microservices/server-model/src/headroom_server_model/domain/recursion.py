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
from headroom_common.simcore.blocks import BLOCK, draw_block, hash_block
from headroom_common.simcore.jit import INT, INTS, called, index, inlined, kernel
from headroom_common.simcore.links import tick_at_or_after
from headroom_common.simcore.sites import STEP
from headroom_common.simcore.tables import (
    C_ARGUMENT,
    C_OPERATION,
    C_SITE,
    CODE,
    CPU,
    IO,
    OF_ENDPOINT,
    OK,
    P_MEMORY,
    P_START,
    PROGRAMS,
    RETURN_PATH,
    S_SAMPLE_PERIOD,
    SCALARS,
    SERVERS,
    TARGETS,
    V_CORES,
    V_GROUP,
    Ints,
)
from headroom_common.simcore.world import int16s, int32s, int64s, row_of, table
from headroom_server_model.domain import rows as r
from headroom_server_model.domain.accounting import PEAK_READY
from headroom_server_model.domain.answers import cross_back, write_brought, write_done
from headroom_server_model.domain.state import CPU_WAIT, PHASE, RUNNING, SLOTS, TOTALS, WAIT_CORE
from headroom_server_model.domain.tallies import tally, tally_partly

# A world's type is an address when compiled and a list of arrays when not.
_World = Any

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
    programs, code, about = table(world, OF_ENDPOINT), table(world, CODE), table(world, PROGRAMS)
    workload, target = int16s(world, r.ROWS + r.WORKLOAD), int32s(world, r.ROWS + r.TARGET)
    servers, need = table(world, SERVERS), int64s(world, r.ROWS + r.NEED)
    targets = table(world, TARGETS).shape[0]
    count = min(BLOCK, order.shape[0] - position)
    for i in range(count):
        at = order[position + i]
        row = index(at)
        if at >= old and ready[row] >= watermark:
            return i
        program = programs[index(servers[index(server[row]), V_GROUP]), index(endpoint[row])]
        first = about[index(program), P_START]
        need[row] = about[index(program), P_MEMORY]
        computes = code[index(first), C_OPERATION] == CPU
        block[blocks.IDS, i] = ids[row]
        block[blocks.LAW, i] = code[index(first), C_ARGUMENT] if computes else -1
        block[blocks.SITE, i] = STEP + code[index(first), C_SITE]
        block[r.B_ROW, i] = at
        block[r.B_PROGRAM, i] = program
        block[r.B_READY, i] = ready[row]
        block[r.B_PATH, i] = workload[row] * (targets + 1) + target[row] + 1
        block[r.B_IO, i] = first + 1 if computes else first
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
        earlier = places[index(before)]
        if earlier < end or (earlier == end and freed_by[index(before)] <= identity):
            break
        places[index(place)] = earlier
        freed_by[index(place)] = freed_by[index(before)]
        place = before
    places[index(place)] = end
    freed_by[index(place)] = identity if begin < end else r.NOBODY_KNOWS


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
    server, start = int32s(world, r.ROWS + r.SERVER), int64s(world, r.ROWS + r.START)
    cpu_end, slots = int64s(world, r.ROWS + r.CPU_END), table(world, SLOTS)
    for i in range(count):
        row = block[r.B_ROW, i]
        begin = block[r.B_READY, i]
        end = begin + block[blocks.DURATION, i]
        if row < old and slots[row, PHASE] != WAIT_CORE:  # it started in a segment before this one
            begin += slots[row, CPU_WAIT]
            end += slots[row, CPU_WAIT]
            if slots[row, PHASE] == RUNNING:
                _take_core(world, server[index(row)], begin, end, block[blocks.IDS, i])
        elif block[blocks.LAW, i] >= 0:
            begin = _enter(world, row, server[index(row)], begin, block[blocks.IDS, i], old)
            if begin < 0:
                return False
            end = begin + block[blocks.DURATION, i]
            _take_core(world, server[index(row)], begin, end, block[blocks.IDS, i])
        start[index(row)] = begin
        cpu_end[index(row)] = end
        block[r.B_START, i] = begin
        block[r.B_CPU_END, i] = end
        block[r.B_END, i] = end
    return True


@inlined
def _do_io(world: _World, block: Ints, count: int, steps: int) -> None:
    """Add the I/O steps, one of each request at a time."""
    code = table(world, CODE)
    end = int64s(world, r.ROWS + r.END)
    for _ in range(steps):
        for i in range(count):
            instruction = index(block[r.B_IO, i])
            does_io = code[instruction, C_OPERATION] == IO
            block[blocks.LAW, i] = code[instruction, C_ARGUMENT] if does_io else -1
            block[blocks.SITE, i] = STEP + code[instruction, C_SITE]
            block[r.B_IO, i] += 1 if does_io else 0
        draw_block(world, block, count)
        for i in range(count):
            block[r.B_END, i] += block[blocks.DURATION, i]
    for i in range(count):
        end[index(block[r.B_ROW, i])] = block[r.B_END, i]


@inlined
def _account_partly(world: _World, block: Ints, i: int, old: int, watermark: int) -> int:
    """Account for a request of a block that was there before or stays; returns its events."""
    times = (block[r.B_READY, i], block[r.B_START, i], block[r.B_CPU_END, i], block[r.B_END, i])
    return tally_partly(world, block[r.B_ROW, i], old, block[r.B_PROGRAM, i], times, watermark)


@inlined
def _part(
    world: _World, block: Ints, count: int, old: int, watermark: int, staying: Ints, counts: Ints
) -> int:
    """Leave just those in the block that end before the watermark; note who stays; return their number."""
    ended = 0
    for i in range(count):
        if block[r.B_END, i] < watermark:
            if ended < i:
                for row in range(r.BLOCK_ROWS):
                    block[row, ended] = block[row, i]
            block[blocks.DEPARTURE, ended] = block[r.B_END, ended]
            block[r.B_OUTCOME, ended] = OK
            ended += 1
        else:
            staying[counts[N_STAYING]] = block[r.B_ROW, i]
            counts[N_STAYING] += 1
            counts[N_EVENTS] += _account_partly(world, block, i, old, watermark)
    return ended


@inlined
def _account(world: _World, block: Ints, count: int, old: int, watermark: int, counts: Ints) -> None:
    """Account for the requests of a block, all of which ended."""
    server, need = int32s(world, r.ROWS + r.SERVER), int64s(world, r.ROWS + r.NEED)
    programs = table(world, PROGRAMS)
    period = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    tick = 0
    for i in range(count):
        row = block[r.B_ROW, i]
        if row < old:
            counts[N_EVENTS] += _account_partly(world, block, i, old, watermark)
            continue
        ready = block[r.B_READY, i]
        if ready > tick:
            tick = tick_at_or_after(period, ready)
        times = (ready, block[r.B_START, i], block[r.B_CPU_END, i], block[r.B_END, i])
        tally(world, server[index(row)], need[index(row)], times, tick)
        counts[N_EVENTS] += 1 + block[r.B_IO, i] - programs[index(block[r.B_PROGRAM, i]), P_START]


@inlined
def _most_io_steps(world: _World) -> int:
    """Return how many I/O steps a program has at most."""
    code = table(world, CODE)
    most = 0
    steps = 0
    for row in range(code.shape[0]):
        steps = steps + 1 if code[row, C_OPERATION] == IO else 0
        most = max(most, steps)
    return most


@kernel(INT, INTS, INT, INT, INTS, INTS)
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
    block = np.empty((r.BLOCK_ROWS, blocks.WIDTH), np.int64)
    hops_back = table(world, RETURN_PATH).shape[1]
    io_steps = _most_io_steps(world)
    position = 0
    while True:
        count = _take(world, order, position, old, watermark, block)
        if count == 0:
            break
        position += count
        hash_block(world, block, count)
        draw_block(world, block, count)
        if not _start(world, block, count, old):
            return False
        _do_io(world, block, count, io_steps)
        ended = _part(world, block, count, old, watermark, staying, counts)
        at = counts[N_ENDED]
        counts[N_ENDED] = at + ended
        for hop in range(hops_back):
            cross_back(world, block, ended, hop, at)
        write_brought(world, block, ended, at)
        write_done(world, block, ended, at)
        _account(world, block, ended, old, watermark, counts)
    counts[N_ROWS] = position
    return True
