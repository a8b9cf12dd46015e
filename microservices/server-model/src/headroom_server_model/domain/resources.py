"""What requests of one server share: FIFO queues, cores, memory, pool tokens, and who goes on next."""

from __future__ import annotations

from typing import Any

from headroom_common.simcore.distributions import sample_ns
from headroom_common.simcore.jit import bits_float, called
from headroom_common.simcore.links import step_index
from headroom_common.simcore.sites import STEP
from headroom_common.simcore.tables import (
    C_ARGUMENT,
    C_LINE,
    C_SITE,
    CODE,
    P_MEMORY,
    PROGRAMS,
    SERVERS,
    STEPS,
    T_LEVEL,
    V_SLOW_START,
    V_SLOW_STOP,
)
from headroom_common.simcore.world import row_of, table
from headroom_server_model.domain import accounting as tally
from headroom_server_model.domain.schedule import schedule
from headroom_server_model.domain.state import (
    COUNTERS,
    FIRST_POOL_LEVEL,
    FIRST_POOL_QUEUE,
    FREE_CORES,
    FREE_MEMORY,
    HOLDS_CORE,
    ID,
    LEVELS,
    MARK,
    MEMORY_QUEUE,
    MEMORY_WAITERS,
    NEXT,
    PC,
    PHASE,
    PROGRAM,
    QUEUES,
    READY,
    READY_QUEUE,
    RUNNING,
    SERVER,
    SLOTS,
    TODO,
    TODO_TAIL,
)

_World = Any


@called
def join(world: _World, replica: int, queue: int, slot: int) -> None:
    """Append a slot to a FIFO queue."""
    queues = table(world, QUEUES)
    slots = table(world, SLOTS)
    slots[slot, NEXT] = -1
    tail = queues[replica, 2 * queue + 1]
    if tail < 0:
        queues[replica, 2 * queue] = slot
    else:
        slots[tail, NEXT] = slot
    queues[replica, 2 * queue + 1] = slot


@called
def _leave(world: _World, replica: int, queue: int) -> int:
    """Remove and return the head of a queue that is not empty."""
    queues = table(world, QUEUES)
    slot = queues[replica, 2 * queue]
    following = row_of(world, SLOTS, slot)[NEXT]
    queues[replica, 2 * queue] = following
    if following < 0:
        queues[replica, 2 * queue + 1] = -1
    return slot


@called
def _resume_later(world: _World, slot: int) -> None:
    """Let a request go on at this instant, after what is already under way."""
    todo = table(world, TODO)
    counters = row_of(world, COUNTERS, 0)
    todo[counters[TODO_TAIL] & (todo.shape[0] - 1), 0] = slot
    counters[TODO_TAIL] += 1


@called
def _slow_down(world: _World, replica: int, t: int, duration: int) -> int:
    """Stretch a CPU step that starts at `t` by the replica's active slow-downs."""
    server = row_of(world, SERVERS, replica)
    steps = table(world, STEPS)
    start = server[V_SLOW_START]
    row = step_index(steps, start, server[V_SLOW_STOP], t)
    if row < start:
        return duration
    return int(float(duration) * bits_float(steps[row, T_LEVEL]) + 0.5)


@called
def run_step(world: _World, slot: int, t: int) -> None:
    """Start the CPU step at the slot's program counter; the slot holds a core."""
    code = table(world, CODE)
    request = row_of(world, SLOTS, slot)
    row = request[PC]
    replica = request[SERVER]
    server = row_of(world, SERVERS, replica)
    site = STEP + code[row, C_SITE]
    duration = sample_ns(world, code[row, C_ARGUMENT], request[ID], site)
    if server[V_SLOW_STOP] > server[V_SLOW_START]:
        duration = _slow_down(world, replica, t, duration)
    request[PHASE] = RUNNING
    request[MARK] = t
    schedule(world, slot, t + duration, code[row, C_LINE])


@called
def give_core_back(world: _World, slot: int, t: int) -> None:
    """Release the slot's core, if it holds one; the head of the ready queue starts at once."""
    slots = table(world, SLOTS)
    if slots[slot, HOLDS_CORE] == 0:
        return
    slots[slot, HOLDS_CORE] = 0
    replica = slots[slot, SERVER]
    levels = row_of(world, LEVELS, replica)
    if levels[READY] == 0:
        levels[FREE_CORES] += 1
        return
    head = _leave(world, replica, READY_QUEUE)
    levels[READY] -= 1
    slots[head, HOLDS_CORE] = 1
    tally.add_cpu_wait(world, head, t)
    run_step(world, head, t)


@called
def grant_memory(world: _World, replica: int) -> None:
    """Grant memory to the head of its queue while it fits."""
    levels = row_of(world, LEVELS, replica)
    while levels[MEMORY_QUEUE] > 0:
        head = table(world, QUEUES)[replica, 2 * MEMORY_WAITERS]
        need = table(world, PROGRAMS)[row_of(world, SLOTS, head)[PROGRAM], P_MEMORY]
        if levels[FREE_MEMORY] < need:
            return
        _leave(world, replica, MEMORY_WAITERS)
        levels[MEMORY_QUEUE] -= 1
        levels[FREE_MEMORY] -= need
        tally.note_memory(world, replica)
        _resume_later(world, head)


@called
def release(world: _World, slot: int, pool: int, t: int) -> None:
    """Hand a pool token to the head of its queue, or back to the pool."""
    replica = row_of(world, SLOTS, slot)[SERVER]
    levels = row_of(world, LEVELS, replica)
    tally.add_pool_hold(world, slot, pool, t)
    if levels[FIRST_POOL_LEVEL + 2 * pool + 1] == 0:
        levels[FIRST_POOL_LEVEL + 2 * pool] += 1
        return
    head = _leave(world, replica, FIRST_POOL_QUEUE + pool)
    levels[FIRST_POOL_LEVEL + 2 * pool + 1] -= 1
    _resume_later(world, head)
