"""What is in the servers before and after a segment by the recursion: queues, levels, states of requests."""

from __future__ import annotations

from typing import Any

from headroom_common.simcore.distributions import sample_ns
from headroom_common.simcore.jit import INT, INTS, called, index, inlined, kernel
from headroom_common.simcore.sites import STEP
from headroom_common.simcore.tables import (
    C_ARGUMENT,
    C_OPERATION,
    C_SITE,
    CODE,
    CPU,
    IO,
    OF_ENDPOINT,
    P_START,
    PROGRAMS,
    SERVERS,
    V_GROUP,
    V_MEMORY,
    Ints,
)
from headroom_common.simcore.world import int16s, int32s, int64s, row_of, table
from headroom_server_model.domain import accounting as sums
from headroom_server_model.domain import rows as r
from headroom_server_model.domain.resources import join
from headroom_server_model.domain.state import (
    BACKEND,
    CPU_RUN,
    CPU_WAIT,
    ENDPOINT,
    ENTERED,
    EVENT_NS,
    FIXED,
    FREE_CORES,
    FREE_MEMORY,
    HOLDS_CORE,
    ID,
    IN_IO,
    IN_SYSTEM,
    IO_ACTIVE,
    IO_WAIT,
    LAST_CHANGE,
    LEVELS,
    MARK,
    NEXT,
    NO_EVENT,
    PC,
    PHASE,
    PROGRAM,
    QUEUES,
    READY,
    READY_QUEUE,
    RUNNING,
    SERVER,
    SLOTS,
    T0,
    TARGET,
    TOTALS,
    WAIT_CORE,
    WORKLOAD,
)
from headroom_server_model.domain.tallies import io_until

# A world's type is an address when compiled and a list of arrays when not.
_World = Any


@kernel(INT, INTS)
def line_up(world: _World, order: Ints) -> bool:
    """Write the rows of `SLOTS` in the order of their cores: those that started, then the queues'.

    Returns:
        False when a request is in a phase that the recursion does not know.
    """
    slots, queues = table(world, SLOTS), table(world, QUEUES)
    count = 0
    waiting = 0
    for slot in range(slots.shape[0]):
        if slots[slot, PHASE] == WAIT_CORE:
            waiting += 1
        elif slots[slot, PHASE] == RUNNING or slots[slot, PHASE] == IN_IO:
            order[count] = slot
            count += 1
        else:
            return False
    if waiting > 0:
        for replica in range(queues.shape[0]):
            slot = queues[replica, 2 * READY_QUEUE]
            while slot >= 0:
                order[count] = slot
                count += 1
                slot = slots[slot, NEXT]
    return True


@inlined
def _program(world: _World, row: int) -> int:
    """Return a request's program."""
    replica = int32s(world, r.ROWS + r.SERVER)[row]
    endpoint = int16s(world, r.ROWS + r.ENDPOINT)[row]
    return table(world, OF_ENDPOINT)[row_of(world, SERVERS, replica)[V_GROUP], endpoint]


@called
def _has_order(world: _World, row: int) -> bool:
    """Tell whether a request ends in order of id for sure: its last step, its only I/O, takes time."""
    code = table(world, CODE)
    start, cpu_end = int64s(world, r.ROWS + r.START)[row], int64s(world, r.ROWS + r.CPU_END)[row]
    last = row_of(world, PROGRAMS, _program(world, row))[P_START]
    if code[last, C_OPERATION] == CPU:
        last += 1
    if code[last, C_OPERATION] != IO:
        return cpu_end > start
    return code[last + 1, C_OPERATION] != IO and int64s(world, r.ROWS + r.END)[row] > cpu_end


@inlined
def _let_leave(world: _World, leaving: Ints, ends: Ints, left: int, t: int, arriving: int) -> int:
    """Let those leave the system who end before a request arrives, or before `t` when `arriving` is -1.

    Returns:
        How many have left, or -1 when the order of an end and the arrival is in doubt.
    """
    server, ids = int32s(world, r.ROWS + r.SERVER), int64s(world, r.ROWS + r.ID)
    need = int64s(world, r.ROWS + r.NEED)
    while left < ends.shape[0] and ends[index(left)] <= t:
        row = index(leaving[index(left)])
        if ends[index(left)] == t:
            if arriving < 0 or ids[row] > ids[index(arriving)]:
                break
            if server[row] == server[index(arriving)] and not _has_order(world, leaving[left]):
                return -1
        left += 1
        level = row_of(world, LEVELS, server[row])
        level[IN_SYSTEM] -= 1
        level[FREE_MEMORY] += need[row]
    return left


@kernel(INT, INTS, INT, INTS, INTS, INT)
def follow_levels(world: _World, order: Ints, old: int, leaving: Ints, ends: Ints, watermark: int) -> bool:
    """Follow requests and memory in the system from event to event, for their peaks.

    Nobody leaves before it matters: as long as arrivals alone do not exceed the peaks so far, the true levels
    do not either.

    Args:
        world: after `recur`.
        order: rows of the requests in the system, the first `old` of which were there before.
        old: their number.
        leaving: the same rows in order of (end, id).
        ends: when each of these ends.
        watermark: later ends are left alone.

    Returns:
        False when memory binds, or when the order of an end and an arrival at the same instant is in doubt.
    """
    ready, server = int64s(world, r.ROWS + r.READY), int32s(world, r.ROWS + r.SERVER)
    need, servers = int64s(world, r.ROWS + r.NEED), table(world, SERVERS)
    left = 0
    for position in range(old, order.shape[0]):
        row = index(order[position])
        replica = index(server[row])
        level, total = row_of(world, LEVELS, server[row]), row_of(world, TOTALS, server[row])
        level[IN_SYSTEM] += 1
        level[FREE_MEMORY] -= need[row]
        most_free = servers[replica, V_MEMORY] - total[sums.PEAK_MEMORY]
        if level[IN_SYSTEM] <= total[sums.PEAK_IN_SYSTEM] and (
            need[row] == 0 or level[FREE_MEMORY] >= most_free
        ):
            continue
        left = _let_leave(world, leaving, ends, left, ready[row], order[position])
        if left < 0 or level[FREE_MEMORY] < 0:
            return False
        total[sums.PEAK_IN_SYSTEM] = max(total[sums.PEAK_IN_SYSTEM], level[IN_SYSTEM])
        if need[row] > 0:
            sums.note_memory(world, server[row])
    _let_leave(world, leaving, ends, left, watermark, -1)
    return True


@kernel(INT, INTS, INT, INTS, INT)
def close_area(world: _World, order: Ints, old: int, staying: Ints, watermark: int) -> None:
    """Add those to the area under the number in the system who were there before the segment or stay.

    The area reaches from each replica's last change before the segment to its last one in it.
    """
    ready, end = int64s(world, r.ROWS + r.READY), int64s(world, r.ROWS + r.END)
    server = int32s(world, r.ROWS + r.SERVER)
    for position in range(old):
        row = order[position]
        until = end[row] if end[row] < watermark else row_of(world, r.LINES, server[row])[r.CHANGED]
        since = row_of(world, LEVELS, server[row])[LAST_CHANGE]
        row_of(world, TOTALS, server[row])[sums.TOTAL_AREA] += until - since
    for row in staying:
        if row >= old:
            changed = row_of(world, r.LINES, server[row])[r.CHANGED]
            row_of(world, TOTALS, server[row])[sums.TOTAL_AREA] += changed - ready[row]
    for replica in range(table(world, LEVELS).shape[0]):
        row_of(world, LEVELS, replica)[LAST_CHANGE] = row_of(world, r.LINES, replica)[r.CHANGED]


@inlined
def _keep_request(world: _World, row: int, slot: int) -> None:
    """Write what a request brought to its server, as if it had done nothing there."""
    request, came = row_of(world, SLOTS, slot), table(world, r.ROWS + r.HOPS)
    replica = int32s(world, r.ROWS + r.SERVER)[row]
    request[ID] = int64s(world, r.ROWS + r.ID)[row]
    request[WORKLOAD] = int16s(world, r.ROWS + r.WORKLOAD)[row]
    request[ENDPOINT] = int16s(world, r.ROWS + r.ENDPOINT)[row]
    request[SERVER] = replica
    request[TARGET] = int32s(world, r.ROWS + r.TARGET)[row]
    request[BACKEND] = -1
    request[T0] = int64s(world, r.ROWS + r.T0)[row]
    request[NEXT] = -1
    request[ENTERED] = int64s(world, r.ROWS + r.READY)[row]
    request[MARK] = request[ENTERED]
    request[EVENT_NS] = NO_EVENT
    for hop in range(came.shape[0]):
        request[FIXED + hop] = came[hop, row]
    request[PROGRAM] = _program(world, row)
    request[PC] = row_of(world, PROGRAMS, request[PROGRAM])[P_START]


@inlined
def _keep_in_queue(world: _World, slot: int) -> None:
    """Append a request that waits for a core to its server's queue."""
    request = row_of(world, SLOTS, slot)
    request[PHASE] = WAIT_CORE
    row_of(world, LEVELS, request[SERVER])[READY] += 1
    join(world, request[SERVER], READY_QUEUE, slot)


@inlined
def _keep_in_io(world: _World, slot: int, since: int, watermark: int) -> None:
    """Put a request, in I/O since some instant, into the step that is not over at the watermark."""
    request, code = row_of(world, SLOTS, slot), table(world, CODE)
    instruction, t = io_until(world, request[PROGRAM], request[ID], since, watermark)
    site = STEP + code[instruction, C_SITE]
    request[PHASE] = IN_IO
    request[PC] = instruction
    request[MARK] = t
    request[EVENT_NS] = t + sample_ns(world, code[instruction, C_ARGUMENT], request[ID], site)
    request[IO_WAIT] = t - since
    row_of(world, LEVELS, request[SERVER])[IO_ACTIVE] += 1


@kernel(INT, INTS, INT)
def keep_in_flight(world: _World, staying: Ints, watermark: int) -> None:
    """Write the state of the requests that stay, in the event loop's form, and of their servers' cores."""
    code = table(world, CODE)
    for slot in range(staying.shape[0]):
        row = staying[slot]
        request = row_of(world, SLOTS, slot)
        start = int64s(world, r.ROWS + r.START)[row]
        cpu_end = int64s(world, r.ROWS + r.CPU_END)[row]
        _keep_request(world, row, slot)
        computes = code[request[PC], C_OPERATION] == CPU
        if computes and start >= watermark:
            _keep_in_queue(world, slot)
            continue
        request[CPU_WAIT] = start - request[ENTERED]
        if computes and cpu_end >= watermark:
            request[PHASE] = RUNNING
            request[MARK] = start
            request[EVENT_NS] = cpu_end
            request[HOLDS_CORE] = 1
            row_of(world, LEVELS, request[SERVER])[FREE_CORES] -= 1
            continue
        request[CPU_RUN] = cpu_end - start
        _keep_in_io(world, slot, cpu_end, watermark)
