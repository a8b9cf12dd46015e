"""What happens to a request outside its server: links, routers that need feedback, the way back, its end."""

from __future__ import annotations

from typing import Any

from headroom_common.simcore.balancing import FIRST_FEEDBACK_POLICY, admits, choose_backend
from headroom_common.simcore.distributions import sample_ns
from headroom_common.simcore.jit import called, inlined
from headroom_common.simcore.links import count_transit, crossing_ns
from headroom_common.simcore.mix import choose_endpoint
from headroom_common.simcore.sites import THINK
from headroom_common.simcore.tables import (
    B_REPLICA,
    B_TARGET,
    BACKEND_STATE,
    BACKENDS,
    BS_CONNECTIONS,
    CLOSED,
    DROPPED,
    G_LINK,
    ID_SHIFT,
    OK,
    R_POLICY,
    RETURN_PATH,
    ROUTERS,
    S_HOPS_BACK,
    S_HOPS_IN,
    S_HORIZON,
    S_POOL_SLOTS,
    S_SAMPLE_PERIOD,
    SCALARS,
    SHED,
    TARGETS,
    TIMED_OUT,
    W_ENTRY_REPLICA,
    W_ENTRY_ROUTER,
    W_FIRST_HOP,
    W_HOP_COUNT,
    W_KIND,
    W_THINK,
    W_TIMEOUT,
    W_USERS,
    WORKLOADS,
)
from headroom_common.simcore.world import row_of, table
from headroom_server_model.domain.schedule import schedule
from headroom_server_model.domain.state import (
    AT_CLIENT,
    AT_ROUTER,
    BACKEND,
    CLOSING,
    COUNTERS,
    CPU_RUN,
    CPU_WAIT,
    ENDPOINT,
    EVENT_NS,
    FIXED,
    FREE,
    FREE_LIST,
    FREE_SLOTS,
    ID,
    IO_WAIT,
    MEMORY_WAIT,
    NEXT_TICK,
    NO_EVENT,
    O_CPU_RUN,
    O_CPU_WAIT,
    O_ENDPOINT,
    O_FIRST_HOP,
    O_ID,
    O_IO_WAIT,
    O_LATENCY,
    O_MEMORY_WAIT,
    O_OUTCOME,
    O_SERVER,
    O_T0,
    O_TARGET,
    O_WORKLOAD,
    OUTPUTS,
    PHASE,
    ROWS_OUT,
    SERVER,
    SLOTS,
    T0,
    TARGET,
    TO_SERVER,
    WORKLOAD,
)

# A world's type is an address when compiled and a list of arrays when not.
_World = Any


@inlined
def take_slot(world: _World) -> int:
    """Take a free slot. The loop has made sure that there is one."""
    counters = row_of(world, COUNTERS, 0)
    counters[FREE_SLOTS] -= 1
    slot = table(world, FREE_LIST)[counters[FREE_SLOTS], 0]
    request = row_of(world, SLOTS, slot)
    for column in range(request.shape[0]):
        request[column] = 0
    request[TARGET] = -1
    request[SERVER] = -1
    request[BACKEND] = -1
    request[EVENT_NS] = NO_EVENT
    return slot


@inlined
def free_slot(world: _World, slot: int) -> None:
    """Give a slot back."""
    counters = row_of(world, COUNTERS, 0)
    row_of(world, SLOTS, slot)[PHASE] = FREE
    table(world, FREE_LIST)[counters[FREE_SLOTS], 0] = slot
    counters[FREE_SLOTS] += 1


@called
def _near_tick(world: _World) -> int:
    return row_of(world, COUNTERS, 0)[NEXT_TICK] * row_of(world, SCALARS, 0)[S_SAMPLE_PERIOD]


@called
def _send_next(world: _World, workload: int, identity: int, end: int) -> None:
    """Schedule a user's next request: one think time after `end`, unless the horizon comes first."""
    about = row_of(world, WORKLOADS, workload)
    following = ((identity >> ID_SHIFT) + about[W_USERS]) << ID_SHIFT | workload
    t = end + sample_ns(world, about[W_THINK], following, THINK)
    if t >= row_of(world, SCALARS, 0)[S_HORIZON]:
        return
    slot = take_slot(world)
    slots = row_of(world, SLOTS, slot)
    slots[ID] = following
    slots[WORKLOAD] = workload
    slots[ENDPOINT] = choose_endpoint(world, workload, following)
    slots[T0] = t
    slots[PHASE] = AT_CLIENT
    schedule(world, slot, t, -1)


@inlined
def _write_end(world: _World, row: int, slot: int, end: int, outcome: int) -> None:
    """Write when and how a request ended. A client that has stopped waiting by then sees a time-out."""
    slots = row_of(world, SLOTS, slot)
    out = table(world, OUTPUTS)
    limit = table(world, WORKLOADS)[slots[WORKLOAD], W_TIMEOUT]
    latency = end - slots[T0]
    if limit > 0 and latency > limit:
        latency = limit
        outcome = TIMED_OUT
    out[O_LATENCY, row] = latency
    out[O_OUTCOME, row] = outcome


@called
def _write_row(world: _World, slot: int) -> int:
    """Write the row of a request that ends, but for its way back and its end; returns the row's number."""
    scalars = row_of(world, SCALARS, 0)
    slots = row_of(world, SLOTS, slot)
    out = table(world, OUTPUTS)
    counters = row_of(world, COUNTERS, 0)
    row = counters[ROWS_OUT]
    counters[ROWS_OUT] = row + 1
    out[O_ID, row] = slots[ID]
    out[O_WORKLOAD, row] = slots[WORKLOAD]
    out[O_ENDPOINT, row] = slots[ENDPOINT]
    out[O_SERVER, row] = slots[SERVER]
    out[O_TARGET, row] = slots[TARGET]
    out[O_T0, row] = slots[T0]
    out[O_MEMORY_WAIT, row] = slots[MEMORY_WAIT]
    out[O_CPU_WAIT, row] = slots[CPU_WAIT]
    out[O_CPU_RUN, row] = slots[CPU_RUN]
    out[O_IO_WAIT, row] = slots[IO_WAIT]
    hops = scalars[S_HOPS_IN]
    for hop in range(hops):
        out[O_FIRST_HOP + hop, row] = slots[FIXED + hop]
    back = O_FIRST_HOP + hops
    for hop in range(scalars[S_HOPS_BACK]):
        out[back + hop, row] = 0
    pools = back + scalars[S_HOPS_BACK]
    for pool in range(scalars[S_POOL_SLOTS]):
        out[pools + pool, row] = slots[FIXED + hops + pool]
    return row


@inlined
def _close(world: _World, slot: int, now: int, closing: int) -> None:
    """Free the slot, at once or when its router no longer counts its connection."""
    request = row_of(world, SLOTS, slot)
    backend = request[BACKEND]
    if backend < 0:
        free_slot(world, slot)
    elif closing <= now:
        row_of(world, BACKEND_STATE, backend)[BS_CONNECTIONS] -= 1
        free_slot(world, slot)
    else:
        request[PHASE] = CLOSING
        schedule(world, slot, closing, -1)


@inlined
def _end(world: _World, slot: int, now: int, end: int) -> None:
    """Close a request whose row is written; a closed-loop user goes on."""
    slots = row_of(world, SLOTS, slot)
    workload = slots[WORKLOAD]
    identity = slots[ID]
    _close(world, slot, now, end)
    if row_of(world, WORKLOADS, workload)[W_KIND] == CLOSED:
        _send_next(world, workload, identity, end)


@called
def end_request(world: _World, slot: int, now: int, end: int, outcome: int) -> None:
    """End a request without a way back: lost (perhaps later than `now`), refused or shed."""
    _write_end(world, _write_row(world, slot), slot, end, outcome)
    _end(world, slot, now, end)


@inlined
def answer(world: _World, slot: int, t: int) -> None:
    """Send the answer of a served request back over its links, from `t` on, and end it."""
    slots = row_of(world, SLOTS, slot)
    out = table(world, OUTPUTS)
    paths = table(world, RETURN_PATH)
    workload = slots[WORKLOAD]
    row = _write_row(world, slot)
    path = workload * (table(world, TARGETS).shape[0] + 1) + slots[TARGET] + 1
    first_hop = row_of(world, WORKLOADS, workload)[W_HOP_COUNT] + 1
    column = O_FIRST_HOP + row_of(world, SCALARS, 0)[S_HOPS_IN]
    tick = _near_tick(world)
    end = t
    outcome = OK
    for hop in range(paths.shape[1]):
        link = paths[path, hop]
        if link < 0:
            break
        crossing = crossing_ns(world, link, first_hop + hop, end, slots[ID])
        if crossing < 0:
            outcome = DROPPED
            break
        count_transit(world, link, tick, end, end + crossing)
        out[column + hop, row] = crossing
        end = end + crossing
    _write_end(world, row, slot, end, outcome)
    _end(world, slot, t, end)


@called
def send(world: _World, slot: int, now: int) -> None:
    """Take a closed-loop request from its client over its ingress links."""
    slots = row_of(world, SLOTS, slot)
    workload = slots[WORKLOAD]
    about = row_of(world, WORKLOADS, workload)
    tick = _near_tick(world)
    t = now
    for hop in range(about[W_HOP_COUNT]):
        link = about[W_FIRST_HOP + hop]
        crossing = crossing_ns(world, link, hop, t, slots[ID])
        if crossing < 0:
            end_request(world, slot, now, t, DROPPED)
            return
        count_transit(world, link, tick, t, t + crossing)
        slots[FIXED + hop] = crossing
        t = t + crossing
    slots[PHASE] = AT_ROUTER
    if about[W_ENTRY_ROUTER] < 0:
        slots[PHASE] = TO_SERVER
        slots[SERVER] = about[W_ENTRY_REPLICA]
    schedule(world, slot, t, -1)


@called
def route(world: _World, slot: int, t: int) -> None:
    """Decide at a late-bound router where a request goes."""
    backends = table(world, BACKENDS)
    request = row_of(world, SLOTS, slot)
    workload = request[WORKLOAD]
    about = row_of(world, WORKLOADS, workload)
    router = about[W_ENTRY_ROUTER]
    if not admits(world, router, t):
        end_request(world, slot, t, t, SHED)
        return
    backend = choose_backend(world, router, t, request[ID])
    target = backends[backend, B_TARGET]
    request[TARGET] = target
    link = row_of(world, TARGETS, target)[G_LINK]
    crossing = 0
    if link >= 0:
        crossing = crossing_ns(world, link, about[W_HOP_COUNT], t, request[ID])
        if crossing < 0:
            end_request(world, slot, t, t, DROPPED)
            return
        count_transit(world, link, _near_tick(world), t, t + crossing)
        request[FIXED + row_of(world, SCALARS, 0)[S_HOPS_IN] - 1] = crossing
    request[SERVER] = backends[backend, B_REPLICA]
    if row_of(world, ROUTERS, router)[R_POLICY] >= FIRST_FEEDBACK_POLICY:
        request[BACKEND] = backend
        row_of(world, BACKEND_STATE, backend)[BS_CONNECTIONS] += 1
    request[PHASE] = TO_SERVER
    schedule(world, slot, t + crossing, -1)
