"""A server at work: memory, cores, pools, their FIFO queues, and the steps of a request."""

from __future__ import annotations

from typing import Any

from headroom_common.simcore.balancing import is_up
from headroom_common.simcore.distributions import sample_ns
from headroom_common.simcore.jit import called, inlined
from headroom_common.simcore.sites import STEP
from headroom_common.simcore.tables import (
    ACQUIRE,
    C_ARGUMENT,
    C_LINE,
    C_OPERATION,
    C_SITE,
    CODE,
    CPU,
    IO,
    OF_ENDPOINT,
    P_MEMORY,
    P_START,
    PROGRAMS,
    REFUSED,
    RELEASE,
    S_POOL_SLOTS,
    SCALARS,
    SERVERS,
    SHED,
    V_CONCURRENCY_LIMIT,
    V_CORES,
    V_FIRST_POOL,
    V_GROUP,
    V_MEMORY,
    V_QUEUE_LIMIT,
)
from headroom_common.simcore.world import row_of, table
from headroom_server_model.domain import accounting as tally
from headroom_server_model.domain.journey import answer, end_request, take_slot
from headroom_server_model.domain.resources import give_core_back, grant_memory, join, release, run_step
from headroom_server_model.domain.schedule import schedule
from headroom_server_model.domain.state import (
    COUNTERS,
    ENDPOINT,
    ENTERED,
    EVENT_NS,
    FIRST_POOL_LEVEL,
    FIRST_POOL_QUEUE,
    FREE_CORES,
    FREE_MEMORY,
    HOLDS_CORE,
    ID,
    IN_IO,
    IN_SYSTEM,
    IO_ACTIVE,
    KILLED,
    LEVELS,
    MARK,
    MEMORY_QUEUE,
    MEMORY_WAITERS,
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
    TODO,
    TODO_HEAD,
    TODO_TAIL,
    WAIT_CORE,
    WAIT_MEMORY,
    WAIT_POOL,
)

_World = Any


@inlined
def _finish(world: _World, slot: int, t: int) -> None:
    """A request has done its last step: give everything back and answer."""
    replica = row_of(world, SLOTS, slot)[SERVER]
    levels = row_of(world, LEVELS, replica)
    give_core_back(world, slot, t)
    need = table(world, PROGRAMS)[row_of(world, SLOTS, slot)[PROGRAM], P_MEMORY]
    tally.leave_system(world, slot, t, need)
    tally.count_completed(world, replica, t)
    if need > 0:
        levels[FREE_MEMORY] += need
        grant_memory(world, replica)
    answer(world, slot, t)


@called
def _step_on(world: _World, slot: int, t: int) -> None:
    """Carry out instructions from the slot's program counter until the request waits or ends."""
    code = table(world, CODE)
    slots = row_of(world, SLOTS, slot)
    replica = slots[SERVER]
    levels = row_of(world, LEVELS, replica)
    while True:
        row = slots[PC]
        operation = code[row, C_OPERATION]
        if operation == CPU:
            if slots[HOLDS_CORE] == 0:
                if levels[FREE_CORES] == 0:
                    join(world, replica, READY_QUEUE, slot)
                    levels[READY] += 1
                    tally.note_ready(world, replica)
                    slots[PHASE] = WAIT_CORE
                    slots[MARK] = t
                    return
                levels[FREE_CORES] -= 1
                slots[HOLDS_CORE] = 1
            run_step(world, slot, t)
            return
        if operation == IO:
            give_core_back(world, slot, t)
            site = STEP + code[row, C_SITE]
            duration = sample_ns(world, code[row, C_ARGUMENT], slots[ID], site)
            slots[PHASE] = IN_IO
            slots[MARK] = t
            levels[IO_ACTIVE] += 1
            schedule(world, slot, t + duration, code[row, C_LINE])
            return
        if operation == ACQUIRE:
            pool = code[row, C_ARGUMENT]
            if levels[FIRST_POOL_LEVEL + 2 * pool] == 0:
                give_core_back(world, slot, t)
                join(world, replica, FIRST_POOL_QUEUE + pool, slot)
                levels[FIRST_POOL_LEVEL + 2 * pool + 1] += 1
                tally.note_pool_queue(world, replica, pool)
                slots[PHASE] = WAIT_POOL
                slots[MARK] = t
                return
            levels[FIRST_POOL_LEVEL + 2 * pool] -= 1
            tally.take_pool(world, slot, pool, t)
        elif operation == RELEASE:
            release(world, slot, code[row, C_ARGUMENT], t)
        else:
            _finish(world, slot, t)
            return
        slots[PC] = row + 1


@called
def _resume(world: _World, slot: int, t: int) -> None:
    """Go on with a request that was granted memory or a pool token."""
    slots = row_of(world, SLOTS, slot)
    if slots[PHASE] == WAIT_MEMORY:
        tally.add_memory_wait(world, slot, t)
    elif slots[PHASE] == WAIT_POOL:
        pool = table(world, CODE)[slots[PC], C_ARGUMENT]
        tally.add_pool_wait(world, slot, pool, t)
        tally.take_pool(world, slot, pool, t)
        slots[PC] += 1
    _step_on(world, slot, t)


@inlined
def go_on(world: _World, slot: int, t: int) -> None:
    """Carry a request on, then all who were granted something on the way, in the order of the grants."""
    todo = table(world, TODO)
    counters = row_of(world, COUNTERS, 0)
    _step_on(world, slot, t)
    while counters[TODO_HEAD] < counters[TODO_TAIL]:
        following = todo[counters[TODO_HEAD] & (todo.shape[0] - 1), 0]
        counters[TODO_HEAD] += 1
        _resume(world, following, t)


@inlined
def enter(world: _World, slot: int, t: int) -> bool:
    """Let a request in at its server, or refuse or shed it; tells whether it can go on at once."""
    slots = row_of(world, SLOTS, slot)
    replica = slots[SERVER]
    servers = row_of(world, SERVERS, replica)
    levels = row_of(world, LEVELS, replica)
    tally.count_arrival(world, replica, t)
    if not is_up(world, replica, t):
        tally.count_refused(world, replica, t)
        end_request(world, slot, t, t, REFUSED)
        return False
    program = table(world, OF_ENDPOINT)[servers[V_GROUP], slots[ENDPOINT]]
    need = row_of(world, PROGRAMS, program)[P_MEMORY]
    first = row_of(world, PROGRAMS, program)[P_START]
    must_wait = need > 0 and (levels[FREE_MEMORY] < need or levels[MEMORY_QUEUE] > 0)
    if levels[IN_SYSTEM] >= servers[V_CONCURRENCY_LIMIT] or (
        levels[READY] + levels[MEMORY_QUEUE] >= servers[V_QUEUE_LIMIT]
        and (must_wait or (row_of(world, CODE, first)[C_OPERATION] == CPU and levels[FREE_CORES] == 0))
    ):
        tally.count_shed(world, replica, t)
        end_request(world, slot, t, t, SHED)
        return False
    tally.enter_system(world, replica, t)
    slots[ENTERED] = t
    slots[PROGRAM] = program
    slots[PC] = first
    slots[MARK] = t
    if must_wait:
        join(world, replica, MEMORY_WAITERS, slot)
        levels[MEMORY_QUEUE] += 1
        slots[PHASE] = WAIT_MEMORY
        return False
    if need > 0:
        levels[FREE_MEMORY] -= need
        tally.note_memory(world, replica)
    return True


@inlined
def end_step(world: _World, slot: int, t: int) -> None:
    """A CPU or I/O step is over."""
    levels = table(world, LEVELS)
    request = row_of(world, SLOTS, slot)
    if request[PHASE] == RUNNING:
        tally.add_cpu_run(world, slot, t)
    else:
        levels[request[SERVER], IO_ACTIVE] -= 1
        tally.add_io(world, slot, t)
    request[PC] += 1


@called
def _kill_slot(world: _World, slot: int, t: int) -> None:
    """End one request that is in a failing server: count what it did so far, void its pending event."""
    request = row_of(world, SLOTS, slot)
    phase = request[PHASE]
    need = table(world, PROGRAMS)[request[PROGRAM], P_MEMORY]
    if phase == WAIT_MEMORY:
        tally.add_memory_wait(world, slot, t)
        need = 0
    elif phase == WAIT_CORE:
        tally.add_cpu_wait(world, slot, t)
    elif phase == RUNNING:
        tally.add_cpu_run(world, slot, t)
    elif phase == IN_IO:
        tally.add_io(world, slot, t)
    else:
        tally.add_pool_wait(world, slot, table(world, CODE)[request[PC], C_ARGUMENT], t)
    for pool in range(row_of(world, SCALARS, 0)[S_POOL_SLOTS]):
        if request[tally.pool_since(world, pool)] > 0:
            tally.add_pool_hold(world, slot, pool, t)
    tally.leave_system(world, slot, t, need)
    tally.count_refused(world, request[SERVER], t)
    void = request[EVENT_NS]
    if void == NO_EVENT:
        end_request(world, slot, t, t, REFUSED)
        return
    _kill_with_event(world, slot, t)


@called
def _kill_with_event(world: _World, slot: int, t: int) -> None:
    """End a killed request in a copy of its slot, which itself stays taken until its void event is past."""
    copy = take_slot(world)
    table(world, SLOTS)[copy, :] = table(world, SLOTS)[slot, :]
    row_of(world, SLOTS, copy)[EVENT_NS] = NO_EVENT
    row_of(world, SLOTS, slot)[PHASE] = KILLED
    end_request(world, copy, t, t, REFUSED)


@called
def kill(world: _World, replica: int, t: int) -> None:
    """A server fails and loses what is in flight."""
    servers = row_of(world, SERVERS, replica)
    levels = row_of(world, LEVELS, replica)
    queues = table(world, QUEUES)
    slots = table(world, SLOTS)
    for slot in range(slots.shape[0]):
        phase = slots[slot, PHASE]
        if WAIT_MEMORY <= phase <= WAIT_POOL and slots[slot, SERVER] == replica:
            _kill_slot(world, slot, t)
    levels[FREE_CORES] = servers[V_CORES]
    levels[FREE_MEMORY] = servers[V_MEMORY]
    levels[READY] = 0
    levels[MEMORY_QUEUE] = 0
    levels[IO_ACTIVE] = 0
    for column in range(queues.shape[1]):
        queues[replica, column] = -1
    for pool in range(row_of(world, SCALARS, 0)[S_POOL_SLOTS]):
        levels[FIRST_POOL_LEVEL + 2 * pool] = servers[V_FIRST_POOL + pool]
        levels[FIRST_POOL_LEVEL + 2 * pool + 1] = 0
