"""A segment by the recursion, for servers in which requests only ever wait for a core."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headroom_common.simcore.ordering import order_by_time
from headroom_common.simcore.tables import (
    C_OPERATION,
    CLOSED,
    CODE,
    CPU,
    KILLS,
    P_START,
    PROGRAMS,
    R_LATE,
    ROUTERS,
    S_CELLS,
    S_HOPS_IN,
    S_POOL_SLOTS,
    SCALARS,
    SERVERS,
    UNLIMITED,
    V_CONCURRENCY_LIMIT,
    V_CORES,
    V_DOWN_START,
    V_DOWN_STOP,
    V_QUEUE_LIMIT,
    V_SLOW_START,
    V_SLOW_STOP,
    W_KIND,
    WORKLOADS,
    Ints,
)
from headroom_server_model.domain import rows as r
from headroom_server_model.domain import state
from headroom_server_model.domain.carrying import load_flight, save
from headroom_server_model.domain.flight import close_area, follow_levels, keep_in_flight, line_up
from headroom_server_model.domain.records import (
    WAITING,
    SegmentResult,
    Table,
    Tables,
    measured,
    put_records,
    put_samples,
)
from headroom_server_model.domain.recursion import COUNTS, N_ENDED, N_EVENTS, N_ROWS, N_STAYING, recur

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

_MOST_CORES = 1 << 20
_COMES_WITH = ("id", "workload", "endpoint", "t0", "ready_ns", "target", "server")
_OF_SLOT = (state.ID, state.WORKLOAD, state.ENDPOINT, state.T0, state.ENTERED, state.TARGET, state.SERVER)


def is_feed_forward(world: World) -> bool:
    """Tell whether no request can hold up one that came before it, nor change where or when one comes.

    So it is when servers never fail, slow down or turn requests away, when requests need a core first, if at
    all, then only I/O, and when nothing upstream depends on completions. Memory is left out of account: that
    it does not bind is seen on the way.
    """
    servers, code = world[SERVERS], world[CODE]
    operations = code[:, C_OPERATION]
    computes = np.flatnonzero(operations == CPU)
    return bool(
        len(world[KILLS]) == 0
        and (servers[:, V_DOWN_START] == servers[:, V_DOWN_STOP]).all()
        and (servers[:, V_SLOW_START] == servers[:, V_SLOW_STOP]).all()
        and (servers[:, V_QUEUE_LIMIT] == UNLIMITED).all()
        and (servers[:, V_CONCURRENCY_LIMIT] == UNLIMITED).all()
        and len(servers) * int(servers[:, V_CORES].max()) <= _MOST_CORES
        and (world[WORKLOADS][:, W_KIND] != CLOSED).all()
        and (world[ROUTERS][:, R_LATE] == 0).all()
        and world[SCALARS][0, S_POOL_SLOTS] == 0
        and np.isin(computes, world[PROGRAMS][:, P_START]).all()
    )


def _take_in(world: World, waiting: Table, routed: Table) -> Table:
    """Return those in the servers, as `SLOTS` has them, those that waited to be due, and those that come."""
    slots = world[state.SLOTS]
    old = len(slots)
    waited = len(waiting.get("id", ()))
    rows = r.room_for_rows(world, old + waited + len(routed["id"]))
    hops = [f"hop{hop}" for hop in range(world[SCALARS][0, S_HOPS_IN])]
    of_slot = (*_OF_SLOT, *range(state.FIXED, state.FIXED + len(hops)))
    for name, place in zip((*_COMES_WITH, *hops), of_slot, strict=True):
        column = rows[name]
        column[:old] = slots[:, place]
        if waited:
            column[old : old + waited] = waiting[name]
        column[old + waited :] = routed[name]
    return rows


def _put_cores(world: World) -> None:
    """Give a world its servers' cores, all of them free since before the beginning, and empty queues."""
    servers = world[SERVERS]
    lines = np.zeros((len(servers), r.LINE_COLUMNS), np.int64)
    lines[:, r.CHANGED] = world[state.LEVELS][:, state.LAST_CHANGE]
    world.put(r.LINES, lines)
    world.put(r.FREE_AT, np.full((len(servers), int(servers[:, V_CORES].max())), -1, np.int64))
    world.put(r.FREED_BY_ID, np.full_like(world[r.FREE_AT], -1))


def _not_due(rows: Table, which: Ints) -> Table:
    """Return the requests that arrive after the watermark."""
    hops = [name for name in rows if name.startswith("hop")]
    columns = {name: rows[name][which] for name in (*_COMES_WITH, *hops)}
    return columns | {"phase": np.full(len(which), state.TO_SERVER, np.int8)}


def _keep(world: World, staying: Ints, watermark: int) -> None:
    """Give a world the state after the segment."""
    levels = world[state.LEVELS]
    levels[:, state.FREE_CORES] = world[SERVERS][:, V_CORES]
    levels[:, [state.READY, state.IO_ACTIVE]] = 0
    world.put(state.QUEUES, np.full_like(world[state.QUEUES], -1))
    world.put(state.SLOTS, np.zeros((len(staying), state.slot_width(world)), np.int64))
    keep_in_flight(world.handle, staying, watermark)


def _sum_samples(world: World, first_tick: int) -> None:
    """Turn the changes of the sampled levels into levels."""
    samples = world[state.SAMPLES]
    cells = int(world[SCALARS][0, S_CELLS])
    ticks = len(samples) // cells
    levels = np.cumsum(samples.reshape(ticks, cells, samples.shape[1]), axis=0)
    world.put(state.SAMPLES, levels.reshape(samples.shape))
    world[state.COUNTERS][0, state.NEXT_TICK] = first_tick + ticks


def _in_order_of_end(rows: Table, present: Ints) -> tuple[Ints, Ints]:
    """Return the rows of requests in order of (end, id), and when each ends."""
    ends = rows["end"][present]
    if (ends[1:] > ends[:-1]).all():
        return present, ends
    order = order_by_time(ends, rows["id"][present])
    return present[order], ends[order]


def simulate_by_recursion(
    world: World, routed: Table, ended: Table, carried: Tables, watermark: int
) -> SegmentResult | None:
    """Simulate a segment of a feed-forward scenario; see `segment.simulate_segment`.

    Returns:
        None when this segment is the event loop's after all: when memory binds, or the order of two events
        at the same instant matters.
    """
    load_flight(world, carried)
    old = len(world[state.SLOTS])
    rows = _take_in(world, carried.get(WAITING, {}), routed)
    order = np.empty(len(rows["id"]), np.int64)
    if world[state.SLOTS][:, state.MEMORY_WAIT].any() or not line_up(world.handle, order):
        return None
    order[old:] = order_by_time(rows["ready_ns"][old:], rows["id"][old:]) + old
    put_records(world)
    first_tick = put_samples(world, watermark)
    _put_cores(world)
    requests = r.room_for_ended(world, len(ended["id"]) + len(order))
    staying, counts = np.empty(len(order), np.int64), np.zeros(COUNTS, np.int64)
    counts[N_ENDED] = len(ended["id"])
    for name, column in requests.items():
        column[: counts[N_ENDED]] = ended[name]
    if not recur(world.handle, order, old, watermark, staying, counts):
        return None
    present = order[: counts[N_ROWS]]
    leaving, ends = _in_order_of_end(rows, present)
    if not follow_levels(world.handle, present, old, leaving, ends, watermark):
        return None
    staying = staying[: counts[N_STAYING]]
    close_area(world.handle, present, old, staying, watermark)
    _sum_samples(world, first_tick)
    completed = measured(world, first_tick)
    completed["requests"] = {name: column[: counts[N_ENDED]] for name, column in requests.items()}
    _keep(world, staying, watermark)
    waiting = _not_due(rows, order[counts[N_ROWS] :])
    return SegmentResult(completed, save(world) | {WAITING: waiting}, int(counts[N_EVENTS]))
