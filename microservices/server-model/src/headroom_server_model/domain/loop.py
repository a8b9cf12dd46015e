"""The event loop: the one kernel that simulates servers."""

from __future__ import annotations

from typing import Any, Final

from headroom_common.simcore.jit import INT, called, inlined, kernel
from headroom_common.simcore.tables import (
    BACKEND_STATE,
    BS_CONNECTIONS,
    K_REPLICA,
    K_TIME,
    KILLS,
    S_HOPS_IN,
    S_SAMPLE_PERIOD,
    S_TICKS,
    SCALARS,
)
from headroom_common.simcore.world import row_of, table
from headroom_server_model.domain.accounting import take_sample
from headroom_server_model.domain.journey import free_slot, route, send, take_slot
from headroom_server_model.domain.schedule import earliest, take
from headroom_server_model.domain.state import (
    AT_CLIENT,
    AT_ROUTER,
    BACKEND,
    CLOSING,
    COUNTERS,
    ENDPOINT,
    EVENTS,
    FIRST_TICK,
    FIXED,
    FREE_SLOTS,
    I_ENDPOINT,
    I_FIRST_HOP,
    I_ID,
    I_PHASE,
    I_READY,
    I_SERVER,
    I_T0,
    I_TARGET,
    I_WORKLOAD,
    ID,
    INPUT_ORDER,
    INPUTS,
    NEXT_INPUT,
    NEXT_KILL,
    NEXT_TICK,
    OUTPUTS,
    PHASE,
    ROWS_OUT,
    RUNNING,
    SERVER,
    SLOTS,
    T0,
    TARGET,
    TO_SERVER,
    WORKLOAD,
)
from headroom_server_model.domain.station import end_step, enter, go_on, kill

DONE: Final = 0
MORE_SLOTS: Final = 1
MORE_ROWS: Final = 2

# A world's type is an address when compiled and a list of arrays when not.
_World = Any


@inlined
def _admit_input(world: _World, row: int) -> int:
    """Put an input row into a slot."""
    inputs = table(world, INPUTS)
    slot = take_slot(world)
    request = row_of(world, SLOTS, slot)
    request[ID] = inputs[I_ID, row]
    request[WORKLOAD] = inputs[I_WORKLOAD, row]
    request[ENDPOINT] = inputs[I_ENDPOINT, row]
    request[T0] = inputs[I_T0, row]
    request[PHASE] = inputs[I_PHASE, row]
    request[TARGET] = inputs[I_TARGET, row]
    request[SERVER] = inputs[I_SERVER, row]
    for hop in range(row_of(world, SCALARS, 0)[S_HOPS_IN]):
        request[FIXED + hop] = inputs[I_FIRST_HOP + hop, row]
    return slot


@inlined
def _handle(world: _World, slot: int, t: int) -> None:
    """Let what is due for a slot happen."""
    phase = row_of(world, SLOTS, slot)[PHASE]
    goes_on = False
    if phase == TO_SERVER:
        goes_on = enter(world, slot, t)
    elif RUNNING <= phase < CLOSING:
        end_step(world, slot, t)
        goes_on = True
    elif phase == AT_ROUTER:
        route(world, slot, t)
    elif phase == AT_CLIENT:
        send(world, slot, t)
    elif phase == CLOSING:
        row_of(world, BACKEND_STATE, row_of(world, SLOTS, slot)[BACKEND])[BS_CONNECTIONS] -= 1
        free_slot(world, slot)
    else:  # killed: its event is void
        free_slot(world, slot)
    if goes_on:
        go_on(world, slot, t)


@called
def _sample_until(world: _World, t: int) -> None:
    """Record the sample instants before `t`."""
    scalars = row_of(world, SCALARS, 0)
    counters = row_of(world, COUNTERS, 0)
    while counters[NEXT_TICK] < scalars[S_TICKS] and counters[NEXT_TICK] * scalars[S_SAMPLE_PERIOD] < t:
        take_sample(world, counters[NEXT_TICK] - counters[FIRST_TICK])
        counters[NEXT_TICK] += 1


@inlined
def _room(world: _World, needed: int) -> int:
    """Tell whether there is room for `needed` requests to end and as many to begin twice over."""
    counters = row_of(world, COUNTERS, 0)
    if counters[FREE_SLOTS] < 2 * needed:
        return MORE_SLOTS
    if table(world, OUTPUTS).shape[1] - counters[ROWS_OUT] < needed:
        return MORE_ROWS
    return DONE


@kernel(INT, INT)
def simulate(world: _World, watermark: int) -> int:
    """Simulate all that happens before `watermark`.

    Returns:
        `DONE`, or `MORE_SLOTS` or `MORE_ROWS` when the tables are full: put larger ones and call it again.
    """
    counters = row_of(world, COUNTERS, 0)
    inputs = table(world, INPUTS)
    order = table(world, INPUT_ORDER)
    kills = table(world, KILLS)
    slots = table(world, SLOTS)
    period = row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]
    next_sample = counters[NEXT_TICK] * period
    while True:
        source, t, identity = earliest(world)
        from_input = False
        position = counters[NEXT_INPUT]
        row = 0
        if position < order.shape[0]:
            row = order[position, 0]
            due = inputs[I_READY, row]
            if due < t or (due == t and inputs[I_ID, row] < identity):
                t = due
                from_input = True
        kill_row = counters[NEXT_KILL]
        if kill_row < kills.shape[0] and kills[kill_row, K_TIME] <= t and kills[kill_row, K_TIME] < watermark:
            status = _room(world, slots.shape[0] - counters[FREE_SLOTS] + 1)
            if status != DONE:
                return status
            _sample_until(world, kills[kill_row, K_TIME])
            kill(world, kills[kill_row, K_REPLICA], kills[kill_row, K_TIME])
            counters[NEXT_KILL] += 1
            continue
        if t >= watermark:
            break
        status = _room(world, 1)
        if status != DONE:
            return status
        if next_sample < t:
            _sample_until(world, t)
            next_sample = counters[NEXT_TICK] * period
        counters[EVENTS] += 1
        if from_input:
            counters[NEXT_INPUT] = position + 1
            slot = _admit_input(world, row)
        else:
            slot = take(world, source)
        _handle(world, slot, t)
    _sample_until(world, watermark)
    return DONE
